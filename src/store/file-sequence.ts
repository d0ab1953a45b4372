import { MqError } from '../base/errors.ts'
import type { Disk, File } from '../base/host.ts'
import type { HandlePool } from './handle-pool.ts'

const NAME_DIGITS = 20

/** The name of a file by the offset of its first byte: 20 digits (protocol/storage.md §1). */
export function offsetName(offset: number): string {
  return String(offset).padStart(NAME_DIGITS, '0')
}

/**
 * Files of one size in a folder, each named by the offset of its first byte, that together are one long stream: RocketMQ's
 * MappedFileQueue. New files are sparse and have their full size from the start, as RocketMQ wants them.
 */
export class FileSequence {
  readonly dir: string
  readonly fileBytes: number
  readonly #disk: Disk
  readonly #handles: HandlePool
  /** Start offsets, ascending, without a gap. */
  #starts: number[] = []
  /** Files made since `syncNames`. */
  #hasNewNames = false

  constructor(parts: { disk: Disk; handles: HandlePool; dir: string; fileBytes: number }) {
    this.#disk = parts.disk
    this.#handles = parts.handles
    this.dir = parts.dir
    this.fileBytes = parts.fileBytes
  }

  /**
   * Reads the names in the folder; a missing folder is an empty sequence.
   * @throws MqError storeUnreadable when names or sizes are not those of such files, or one is missing in between
   */
  load(): void {
    this.#starts = []
    const names = this.#disk.listSync(this.dir)
    for (const [index, name] of names.entries()) {
      const start = Number(name)
      if (!/^\d{20}$/.test(name) || start % this.fileBytes !== 0) {
        throw new MqError('storeUnreadable', `${this.dir}/${name} is no file of ${this.fileBytes} bytes each`)
      }
      const expected = this.#starts.length === 0 ? start : this.endOffset
      if (start !== expected) {
        throw new MqError('storeUnreadable', `${this.dir}/${offsetName(expected)} is missing between others`)
      }
      this.#starts.push(start)
      this.#checkSize(start, index === names.length - 1)
    }
  }

  /** A last file that was being made when the process died has any smaller size: it gets its full one. */
  #checkSize(start: number, isLast: boolean): void {
    const path = this.pathOf(start)
    const sizeBytes = this.#disk.statSync(path)?.sizeBytes ?? 0
    if (sizeBytes === this.fileBytes) return
    if (!isLast || sizeBytes > this.fileBytes) {
      throw new MqError('storeUnreadable', `${path} has ${sizeBytes} bytes instead of ${this.fileBytes}`)
    }
    this.#handles.use(path).truncateSync(this.fileBytes)
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0
  }

  get fileCount(): number {
    return this.#starts.length
  }

  /** Offset of the first byte that is there; 0 when empty. */
  get firstOffset(): number {
    return this.#starts[0] ?? 0
  }

  /** Offset behind the last file; 0 when empty. */
  get endOffset(): number {
    const last = this.#starts.at(-1)
    return last === undefined ? 0 : last + this.fileBytes
  }

  /** Start offsets of all files, ascending. */
  get starts(): readonly number[] {
    return this.#starts
  }

  startOf(offset: number): number {
    return offset - (offset % this.fileBytes)
  }

  has(offset: number): boolean {
    return !this.isEmpty && offset >= this.firstOffset && offset < this.endOffset
  }

  pathOf(start: number): string {
    return `${this.dir}/${offsetName(start)}`
  }

  /** The file that holds this offset; see `HandlePool.use`. */
  fileAt(offset: number): File {
    return this.#handles.use(this.pathOf(this.startOf(offset)))
  }

  /** Makes the file that begins at `start`: behind the last one, or anywhere (at a multiple of the size) when empty. */
  create(start: number): File {
    if (this.isEmpty) this.#disk.mkdirSync(this.dir)
    const file = this.#handles.create(this.pathOf(start))
    file.truncateSync(this.fileBytes)
    this.#starts.push(start)
    this.#hasNewNames = true
    return file
  }

  /** Makes the names of new files durable. */
  syncNames(): void {
    if (!this.#hasNewNames) return
    this.#disk.syncDirSync(this.dir)
    this.#hasNewNames = false
  }

  /** Forgets and deletes the first file. */
  async deleteFirst(): Promise<void> {
    const start = this.#starts.shift()
    if (start === undefined) return
    const path = this.pathOf(start)
    this.#handles.close(path)
    await this.#disk.unlink(path)
  }

  /** Deletes all files. */
  clear(): void {
    for (const start of this.#starts) {
      this.#handles.close(this.pathOf(start))
      this.#disk.unlinkSync(this.pathOf(start))
    }
    this.#starts = []
    this.#hasNewNames = true
  }

  /** Ends the stream at `offset`: later files are deleted, what stands behind it in its own file becomes zeros. */
  truncate(offset: number): void {
    let last = this.#starts.at(-1)
    while (last !== undefined && last > offset) {
      this.#starts.pop()
      this.#handles.close(this.pathOf(last))
      this.#disk.unlinkSync(this.pathOf(last))
      this.#hasNewNames = true
      last = this.#starts.at(-1)
    }
    if (last !== undefined && offset < last + this.fileBytes) this.wipeFrom(offset)
  }

  /** Makes all bytes from `offset` to the end of its file zeros that take no room. */
  wipeFrom(offset: number): void {
    const start = this.startOf(offset)
    const file = this.#handles.use(this.pathOf(start))
    file.truncateSync(offset - start)
    file.truncateSync(this.fileBytes)
  }

  /** Writes off the event loop into the file that begins at `start`; see `File.write`. */
  async write(start: number, buffers: readonly Buffer[], position: number): Promise<number> {
    const pin = this.#handles.pin(this.pathOf(start))
    try {
      return await pin.file.write(buffers, position)
    } finally {
      pin.release()
    }
  }

  /**
   * Reads `target.length` bytes from `offset` on, across files.
   * @returns bytes read, fewer where the sequence ends
   */
  readSync(target: Buffer, offset: number): number {
    let done = 0
    while (done < target.length && this.has(offset + done)) {
      const start = this.startOf(offset + done)
      const within = offset + done - start
      const part = target.subarray(done, done + Math.min(target.length - done, this.fileBytes - within))
      const bytes = this.fileAt(start).readSync(part, within)
      if (bytes === 0) break
      done += bytes
    }
    return done
  }

  /** As `readSync`, off the event loop, within one file. */
  async read(target: Buffer, offset: number): Promise<number> {
    const start = this.startOf(offset)
    const pin = this.#handles.pin(this.pathOf(start))
    try {
      return await pin.file.read(target, offset - start)
    } finally {
      pin.release()
    }
  }

  /** Makes the bytes of the file that begins at `start` durable. A failure closes its handle: it is good for nothing more. */
  async datasync(start: number): Promise<void> {
    const path = this.pathOf(start)
    const pin = this.#handles.pin(path)
    try {
      await pin.file.datasync()
    } catch (error) {
      this.#handles.close(path)
      throw error
    } finally {
      pin.release()
    }
  }

  /** As `datasync`, on the event loop: for start and stop. */
  datasyncSync(start: number): void {
    this.#handles.use(this.pathOf(start)).datasyncSync()
  }

  /** When the file was last written to, wall clock. */
  modifiedMs(start: number): number {
    return this.#disk.statSync(this.pathOf(start))?.modifiedMs ?? 0
  }

  closeFiles(): void {
    for (const start of this.#starts) this.#handles.close(this.pathOf(start))
  }
}
