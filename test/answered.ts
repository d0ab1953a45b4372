import { mqadminEntries } from '#ternmq/admin/cli/mqadmin.ts'
import { MemoryDisk } from '#ternmq/base/host/memory-disk.ts'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RealNet } from '#ternmq/base/host/real-net.ts'
import { RealRandom } from '#ternmq/base/host/real-random.ts'
import type { Answered } from '#ternmq/server/compatibility-doc.ts'
import { loadConfig } from '#ternmq/server/load-config.ts'
import { System } from '#ternmq/server/system.ts'

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Asks a broker and a NameServer, started for the purpose on a disk in memory, what they answer. */
export async function answered(): Promise<Answered> {
  const clock = new RealClock()
  const disk = new MemoryDisk({ clock })
  const parts = { clock, disk, log: silent, net: new RealNet(silent), random: new RealRandom() }
  const host = { ...parts, memoryBytes: 1024 ** 3 }
  const flags = { namesrvPort: '0', listenPort: '0', mappedFileSizeCommitLog: '65536' }
  const config = await loadConfig(host, { flags, file: undefined, isInsecureOpen: false, environment: {} })
  const system = new System({ host, config, processId: 1, hasNamesrv: true, hasBroker: true })
  await system.start()
  const { broker, namesrv } = system.codes
  await system.close()
  return { brokerCodes: broker, namesrvCodes: namesrv, mqadmin: mqadminEntries() }
}
