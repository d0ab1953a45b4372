import { errnoOf, MqError } from '../base/errors.ts'
import type { Disk, File } from '../base/host.ts'
import type { HandlePool } from './handle-pool.ts'

const NAME_DIGITS = 20

/** Bytes written again at once. */
const REWRITE_BYTES = 1024 * 1024

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
  /** The file that was used last: it is mostly the next one, and its path is not put together again. */
  #usedStart = -1
  #usedPath = ''
  /** Names that came or went since `syncNames`. */
  #hasNewNames = false
  /** Whether names could not be made durable: no later sync of the folder would do it for them. */
  #hasLostNames = false
  /** Files whose datasync has failed: what they hold is written again before it is asked for once more. */
  #suspects: Set<number> | undefined

  constructor(parts: { disk: Disk; handles: HandlePool; dir: string; fileBytes: number }) {
    this.#disk = parts.disk
    this.#handles = parts.handles
    this.dir = parts.dir
    this.fileBytes = parts.fileBytes
  }

  /**
   * Reads the names in the folder; a missing folder is an empty sequence.
   * @param repairsFrom offset from which on nothing was known to be durable before a crash: files that a power loss has left
   *   short there get their size, missing ones between others come back, both with zeros. By default nothing is repaired.
   * @param accepts whether the file that begins here may be missing between others, and comes back with zeros all the same
   * @throws MqError storeUnreadable when names or sizes are not those of such files, or one is missing in between
   */
  load(repairsFrom = Number.POSITIVE_INFINITY, accepts: (start: number) => boolean = () => false): void {
    this.#starts = []
    const names = this.#disk.listSync(this.dir)
    for (const [index, name] of names.entries()) {
      const start = Number(name)
      if (!/^\d{20}$/.test(name) || start % this.fileBytes !== 0) {
        throw new MqError('storeUnreadable', `${this.dir}/${name} is no file of ${this.fileBytes} bytes each`)
      }
      if (this.#starts.length > 0) this.#fillGap(start, repairsFrom, accepts)
      this.#starts.push(start)
      this.#checkSize(start, index === names.length - 1 || start + this.fileBytes > repairsFrom)
    }
    // a process before this one may have been killed between making a name and syncing it
    this.#hasNewNames = repairsFrom !== Number.POSITIVE_INFINITY && !this.isEmpty
  }

  #fillGap(start: number, repairsFrom: number, accepts: (start: number) => boolean): void {
    while (start > this.endOffset) {
      const missing = this.endOffset
      if (missing + this.fileBytes <= repairsFrom && !accepts(missing)) {
        throw new MqError(
          'storeUnreadable',
          `${this.pathOf(missing)} is missing between others; --accept-hole starts without it`,
        )
      }
      this.create(missing)
    }
  }

  /** A file that was being made when the process died has any smaller size: it gets its full one. */
  #checkSize(start: number, mayBeShort: boolean): void {
    const path = this.pathOf(start)
    const sizeBytes = this.#disk.statSync(path)?.sizeBytes ?? 0
    if (sizeBytes === this.fileBytes) return
    if (!mayBeShort || sizeBytes > this.fileBytes) {
      throw new MqError('storeUnreadable', `${path} has ${sizeBytes} bytes instead of ${this.fileBytes}`)
    }
    const file = this.#handles.use(path)
    file.truncateSync(this.fileBytes)
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
    const start = this.startOf(offset)
    if (start !== this.#usedStart) {
      this.#usedStart = start
      this.#usedPath = this.pathOf(start)
    }
    return this.#handles.use(this.#usedPath)
  }

  /** Makes the file that begins at `start`: behind the last one, or anywhere (at a multiple of the size) when empty. */
  create(start: number): File {
    if (this.isEmpty) this.#disk.mkdirSync(this.dir)
    const file = this.#handles.create(this.pathOf(start))
    file.truncateSync(this.fileBytes)
    // exactly as long as needed, as most queues have one file: pushed to, the array would take room for 17
    this.#starts = [...this.#starts, start]
    this.#hasNewNames = true
    return file
  }

  /** Makes the names of new files durable. @throws the disk's error, from then on every time */
  syncNames(): void {
    this.#checkNames()
    if (!this.#hasNewNames) return
    try {
      this.#disk.syncDirSync(this.dir)
    } catch (error) {
      this.#hasLostNames = true
      throw error
    }
    this.#hasNewNames = false
  }

  /** Whether names came or went that are not durable. */
  get hasNewNames(): boolean {
    return this.#hasNewNames || this.#hasLostNames
  }

  /** As `syncNames`, off the event loop; one at a time. */
  async syncNamesLater(): Promise<void> {
    this.#checkNames()
    if (!this.#hasNewNames) return
    // names that come meanwhile are for the next
    this.#hasNewNames = false
    try {
      await this.#disk.syncDir(this.dir)
    } catch (error) {
      // the folder was deleted meanwhile
      if (errnoOf(error) === 'ENOENT' && this.isEmpty) return
      this.#hasLostNames = true
      throw error
    }
  }

  #checkNames(): void {
    if (!this.#hasLostNames) return
    throw new MqError('internal', `names in ${this.dir} could not be made durable; restart to recover them`)
  }

  /** Forgets and deletes the first file, durably: a power loss must not take a later file and leave this one. */
  async deleteFirst(): Promise<void> {
    const start = this.#starts.shift()
    if (start === undefined) return
    const path = this.pathOf(start)
    this.#handles.close(path)
    try {
      await this.#disk.unlink(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') {
        this.#starts.unshift(start)
        throw error
      }
    }
    this.#hasNewNames = true
    this.syncNames()
  }

  /** Deletes all files; after a power loss any of them may be there again. */
  clear(): void {
    for (const start of this.#starts) {
      this.#handles.close(this.pathOf(start))
      this.#disk.unlinkSync(this.pathOf(start))
    }
    this.#starts = []
    this.#suspects = undefined
    this.#hasNewNames = true
  }

  /**
   * Ends the stream at `offset`: later files are deleted, what stands behind it in its own file becomes zeros.
   * @returns paths of the deleted files
   */
  truncate(offset: number): string[] {
    const deleted = this.#deleteBehind(offset)
    const last = this.#starts.at(-1)
    if (last !== undefined && offset < last + this.fileBytes) this.wipeFrom(offset)
    return deleted
  }

  /** Makes all bytes from `offset` to the end of its file zeros that take no room. */
  wipeFrom(offset: number): void {
    const start = this.startOf(offset)
    const file = this.#handles.use(this.pathOf(start))
    file.truncateSync(offset - start)
    file.truncateSync(this.fileBytes)
  }

  /** Deletes the files that begin behind `offset`, the last first and durably, so that never one is missing in between. */
  #deleteBehind(offset: number): string[] {
    const deleted: string[] = []
    for (let last = this.#starts.at(-1); last !== undefined && last > offset; last = this.#starts.at(-1)) {
      const path = this.pathOf(last)
      this.#handles.close(path)
      this.#disk.unlinkSync(path)
      this.#starts.pop()
      this.#suspects?.delete(last)
      this.#hasNewNames = true
      this.syncNames()
      deleted.push(path)
    }
    return deleted
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

  /** Offset behind the last byte, from `from` on in the file that begins at `start`, that is not zero; `from` when there is none. */
  dataEnd(start: number, from: number): number {
    return start + this.#disk.dataEndSync(this.pathOf(start), from - start)
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

  /**
   * Makes the bytes of the file that begins at `start` durable. A failure closes its handle, which is good for nothing more; what
   * the file holds is then to be written again by `rewrite` first.
   */
  async datasync(start: number): Promise<void> {
    const pin = this.#handles.pin(this.pathOf(start))
    try {
      await pin.file.datasync()
    } catch (error) {
      this.#syncFailed(start)
      throw error
    } finally {
      pin.release()
    }
  }

  /** As `datasync`, on the event loop: for start and stop. */
  datasyncSync(start: number): void {
    const file = this.#handles.use(this.pathOf(start))
    try {
      file.datasyncSync()
    } catch (error) {
      this.#syncFailed(start)
      throw error
    }
  }

  /** Whether a datasync of the file that begins at `start` has failed, and it was not written again since. */
  isSuspect(start: number): boolean {
    return this.#suspects?.has(start) ?? false
  }

  /**
   * Writes what the files hold between two offsets once more, and sets their sizes again: after a failed datasync the kernel counts
   * as clean what the device never got.
   */
  rewrite(from: number, end: number): void {
    for (let at = from; at < end; ) {
      const start = this.startOf(at)
      const file = this.fileAt(at)
      if (at === from || at === start) file.truncateSync(this.fileBytes)
      const part = Buffer.allocUnsafe(Math.min(end, start + this.fileBytes, at + REWRITE_BYTES) - at)
      const bytes = file.readSync(part, at - start)
      writeAll(file, part.subarray(0, bytes), at - start)
      at += part.length
    }
    for (const start of [...(this.#suspects ?? [])]) {
      if (start < end && start + this.fileBytes > from) this.#suspects?.delete(start)
    }
  }

  #syncFailed(start: number): void {
    this.#suspects ??= new Set()
    this.#suspects.add(start)
    this.#handles.close(this.pathOf(start))
  }

  /** When the file was last written to, wall clock. */
  modifiedMs(start: number): number {
    return this.#disk.statSync(this.pathOf(start))?.modifiedMs ?? 0
  }

  /** Forgets all files without touching them: they are deleted by their folder. */
  forget(): void {
    this.#starts = []
    this.#suspects = undefined
    this.#hasNewNames = false
  }
}

/** Writes all of `bytes` from `position` on, in as many calls as it takes. @throws the disk's error */
export function writeAll(file: File, bytes: Buffer, position: number): void {
  let done = 0
  while (done < bytes.length) done += file.writeSync([bytes.subarray(done)], position + done)
}
