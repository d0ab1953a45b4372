import { totalmem } from 'node:os'
import type { Host, Logger } from '../host.ts'
import { RealClock } from './real-clock.ts'
import { RealDisk } from './real-disk.ts'
import { RealNet } from './real-net.ts'
import { RealRandom } from './real-random.ts'

/** The machine that this process runs on. */
export function realHost(log: Logger): Host {
  return {
    clock: new RealClock(),
    random: new RealRandom(),
    disk: new RealDisk(),
    net: new RealNet(log),
    log,
    memoryBytes: memoryBytes(),
  }
}

/** The limit of a container counts when it is lower than what the machine has, as for the JVM. */
function memoryBytes(): number {
  const limitBytes = process.constrainedMemory()
  return limitBytes ? Math.min(limitBytes, totalmem()) : totalmem()
}
