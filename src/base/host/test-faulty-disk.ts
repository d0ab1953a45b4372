import type { Disk } from '../host.ts'
import { syncFile, writeText } from './disk-text.ts'
import { FaultyDisk, type FaultyDiskOptions } from './faulty-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A disk with the durable, empty directory `/d`. */
export function emptyDisk(options: Partial<FaultyDiskOptions> = {}): FaultyDisk {
  const disk = new FaultyDisk({ clock: new VirtualClock(0), ...options })
  disk.mkdirSync('/d')
  disk.syncDirSync('/')
  return disk
}

/** Writes `text` durably, name and all. */
export function putDurably(disk: Disk, path: string, text: string): void {
  writeText(disk, path, text)
  syncFile(disk, path)
  disk.syncDirSync('/d')
}
