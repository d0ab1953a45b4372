import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diskContract } from './disk.contract.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { MemoryDisk } from './memory-disk.ts'
import { RealDisk } from './real-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

diskContract('RealDisk', (t) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'ternmq-disk-'))
  t.after(() => fs.rmSync(root, { recursive: true }))
  return { disk: new RealDisk(), root }
})

diskContract('MemoryDisk', () => {
  const disk = new MemoryDisk({ clock: new VirtualClock(0) })
  disk.mkdirSync('/data')
  return { disk, root: '/data' }
})

diskContract('FaultyDisk', () => {
  const disk = new FaultyDisk({ clock: new VirtualClock(0), record: true })
  disk.mkdirSync('/data')
  return { disk, root: '/data' }
})

diskContract('FaultyDisk after a power loss', () => {
  const random = { u32: () => 0, bytes: (count: number) => Buffer.alloc(count), fork: () => random }
  const disk = new FaultyDisk({ clock: new VirtualClock(0) })
  disk.mkdirSync('/data')
  disk.syncDirSync('/')
  return { disk: disk.afterProcessKill().afterPowerLoss('lost', random), root: '/data' }
})
