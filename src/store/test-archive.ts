import { gunzipSync } from 'node:zlib'
import type { Disk } from '../base/host.ts'
import { writeAll } from './file-sequence.ts'

/** A file or, without content, a folder. */
export interface ArchiveEntry {
  /** Without the archive's one top-level folder. */
  readonly path: string
  readonly content: Buffer | undefined
}

const BLOCK_BYTES = 512
const PAGE_BYTES = 4096

/** What is in a tar.gz with one top-level folder (POSIX ustar; names of up to 100 bytes, as those of a store are). */
export function readArchive(gzipped: Buffer): ArchiveEntry[] {
  const tar = gunzipSync(gzipped)
  const entries: ArchiveEntry[] = []
  for (let at = 0; at + BLOCK_BYTES <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, bytes: number): string =>
      tar.toString('utf8', at + from, at + from + bytes).replace(/\0.*$/s, '')
    const sizeBytes = Number.parseInt(text(124, 12), 8)
    const type = text(156, 1)
    if (!/^[05]?$/.test(type)) throw new Error(`${text(0, 100)} is of type ${type}`)
    const path = text(0, 100)
      .replace(/^[^/]*\/?/, '')
      .replace(/\/$/, '')
    const contentAt = at + BLOCK_BYTES
    const content = type === '5' ? undefined : tar.subarray(contentAt, contentAt + sizeBytes)
    if (path !== '') entries.push({ path, content })
    at = contentAt + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
  }
  return entries
}

/** Writes an archive into a folder of a disk; zeros take no room. */
export function unpack(entries: readonly ArchiveEntry[], disk: Disk, dir: string): void {
  disk.mkdirSync(dir)
  for (const { path, content } of entries) {
    const target = `${dir}/${path}`
    if (content) writeSparse(disk, target, content)
    else disk.mkdirSync(target)
  }
}

function writeSparse(disk: Disk, path: string, content: Buffer): void {
  const file = disk.openSync(path, 'create')
  file.truncateSync(content.length)
  for (let at = 0; at < content.length; at += PAGE_BYTES) {
    const page = content.subarray(at, at + PAGE_BYTES)
    if (page.some((byte) => byte !== 0)) writeAll(file, page, at)
  }
  file.closeSync()
}

/** The content of all files below a folder, by path. */
export function filesBelow(disk: Disk, dir: string, path = ''): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const name of disk.listSync(`${dir}${path}`)) {
    const below = `${path}/${name}`
    if (disk.statSync(dir + below)?.isDirectory) {
      for (const entry of filesBelow(disk, dir, below)) found.set(...entry)
      continue
    }
    const file = disk.openSync(dir + below, 'read')
    const content = Buffer.alloc(file.sizeSync())
    file.readSync(content, 0)
    file.closeSync()
    found.set(below, content)
  }
  return found
}
