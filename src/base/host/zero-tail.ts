import fs from 'node:fs'

/** Bytes read at once: few enough to stay in the processor's cache. */
const PART_BYTES = 256 * 1024

/** Reads past the page cache begin at a multiple of this: the largest block of common devices and file systems. */
const BLOCK_BYTES = 4096

/** What TypeScript tells of it only where there is a browser. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}
const WASM_PAGE_BYTES = 65_536

/** Length of the bytes without the zeros at their end. */
export function lengthOfData(bytes: Buffer): number {
  if (bytes.compare(zeros, 0, bytes.length) === 0) return 0
  let length = bytes.length
  while (bytes[length - 1] === 0) length--
  return length
}

/**
 * Offset behind the last byte of a file, from `position` on, that is not zero; `position` when there is none. Reads past the page
 * cache where the file system can: a gigabyte that takes no room on the disk would be as many zeros there.
 */
export function dataEndOf(path: string, position: number): number {
  return dataEndPastCache(path, position) ?? dataEndThroughCache(path, position)
}

/** As `dataEndOf`. @returns undefined where the file system has no such reads */
export function dataEndPastCache(path: string, position: number): number | undefined {
  const { O_RDONLY, O_DIRECT } = fs.constants
  // not on every system
  if (O_DIRECT === undefined) return undefined
  let handle: number | undefined
  try {
    handle = fs.openSync(path, O_RDONLY | O_DIRECT)
    return lastDataEnd(handle, position, alignedBuffer())
  } catch {
    // EINVAL for the most part; what is wrong with the file itself, the reads through the page cache tell
    return undefined
  } finally {
    if (handle !== undefined) fs.closeSync(handle)
  }
}

/** As `dataEndOf`, on every file system. */
export function dataEndThroughCache(path: string, position: number): number {
  const handle = fs.openSync(path, fs.constants.O_RDONLY)
  try {
    return lastDataEnd(handle, position, Buffer.allocUnsafeSlow(PART_BYTES))
  } finally {
    fs.closeSync(handle)
  }
}

function lastDataEnd(handle: number, position: number, buffer: Buffer): number {
  const { size } = fs.fstatSync(handle)
  let end = position
  for (let at = position - (position % BLOCK_BYTES); at < size; ) {
    const count = fs.readSync(handle, buffer, 0, buffer.length, at)
    if (count === 0) break
    const length = lengthOfData(buffer.subarray(0, count))
    if (length > 0) end = Math.max(end, at + length)
    at += count
  }
  return end
}

/** Memory that begins at a block's border, as such reads need it: WebAssembly's always begins at a page's. */
function alignedBuffer(): Buffer {
  const pages = PART_BYTES / WASM_PAGE_BYTES
  return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer)
}

const zeros = Buffer.alloc(PART_BYTES)
