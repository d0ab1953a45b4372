import type { Disk, File } from '../host.ts'

/** For tests: writes into a file, made when missing, at `position`, without a sync. */
export function writeText(disk: Disk, path: string, text: string, position = 0): void {
  const file = disk.openSync(path, 'create')
  file.writeSync([Buffer.from(text)], position)
  file.closeSync()
}

/** For tests: the whole file, or undefined when there is none. */
export function readText(disk: Disk, path: string): string | undefined {
  if (!disk.statSync(path)) return undefined
  const file = disk.openSync(path, 'read')
  const text = textOf(file)
  file.closeSync()
  return text
}

/** For tests: all that an open file holds. */
export function textOf(file: File): string {
  const bytes = Buffer.alloc(file.sizeSync())
  file.readSync(bytes, 0)
  return bytes.toString()
}

/** For tests: makes the bytes of a file durable. */
export function syncFile(disk: Disk, path: string): void {
  const file = disk.openSync(path, 'write')
  try {
    file.datasyncSync()
  } finally {
    file.closeSync()
  }
}
