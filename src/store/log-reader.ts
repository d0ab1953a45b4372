import { errnoOf, MqError } from '../base/errors.ts'
import type { Block, BlockCache } from './block-cache.ts'
import type { CommitLog } from './commit-log.ts'
import type { QuickReads } from './quick-reads.ts'
import type { SliceList } from './slice-list.ts'

/** Bytes read at once from a place of the log that the tail's memory no longer has. */
export const LOG_BLOCK_BYTES = 128 * 1024

/** Blocks that one read may bring in on the event loop. */
const QUICK_BLOCKS_MAX = 16

/**
 * A range is read on the event loop without what lies around it from so many bytes on: a block costs more then, unless others read the
 * rest of it soon.
 */
const RUN_BYTES_MIN = 8 * 1024

/** Most bytes of such ranges in one read. */
const RUNS_BYTES_MAX = 256 * 1024

/** Records larger than a block that are in memory at most, between being read and being taken. */
const LARGE_RECORDS_MAX = 8

/**
 * Reads records where they are: in the tail's memory, or in blocks of the files, which are read on the event loop where that is quick
 * and else off it, ahead of the reader. Never beyond what the kernel has been given.
 */
export class LogReader {
  readonly #log: CommitLog
  readonly #cache: BlockCache
  readonly #quick: QuickReads
  readonly #blocksPerFile: number
  /**
   * Records larger than a block, by offset: they go around the cache, where readers of several would push each other's blocks out
   * before any has all of its own.
   */
  readonly #large = new Map<number, Buffer>()
  #quickBlocksLeft = 0
  /** Where such ranges of this read stand, made with the first; the next read begins it anew. */
  #runs: Buffer | undefined
  #runsEnd = 0
  /** What this read has come upon last: the next record most likely lies in it too. */
  #near: Buffer | undefined
  /** Log offsets that it covers, as far as no other block is to be read ahead before. */
  #nearFrom = 0
  #nearEnd = 0

  constructor(log: CommitLog, cache: BlockCache, quick: QuickReads) {
    this.#log = log
    this.#cache = cache
    this.#quick = quick
    this.#blocksPerFile = Math.ceil(log.files.fileBytes / LOG_BLOCK_BYTES)
  }

  /** A read begins: what it may bring in at once is counted anew. */
  begin(): void {
    this.#quickBlocksLeft = QUICK_BLOCKS_MAX
    this.#runsEnd = 0
    this.#near = undefined
  }

  /**
   * Adds a range, of a record or of several that follow one another, to `slices` if it is in memory, or quickly brought there.
   * @param bytes at most those of a block, or of one record
   * @returns false when it is not; `load` it then, record by record
   */
  locate(offset: number, bytes: number, slices: SliceList): boolean {
    if (this.#near && offset >= this.#nearFrom && offset + bytes <= this.#nearEnd) {
      slices.add(this.#near, offset - this.#nearFrom, offset - this.#nearFrom + bytes)
      return true
    }
    const chunk = this.#log.tail.find(offset)
    if (chunk) {
      // several records may go on in the next chunk
      if (offset + bytes > chunk.base + chunk.used) return false
      slices.add(chunk.buffer, offset - chunk.base, offset - chunk.base + bytes)
      this.#setNear(chunk.buffer, chunk.base, chunk.base + chunk.used)
      return true
    }
    if (bytes > LOG_BLOCK_BYTES) return this.#takeLarge(offset, slices)
    if (bytes >= RUN_BYTES_MIN) {
      const run = this.#readRun(offset, bytes)
      if (run) {
        slices.add(run, 0, bytes)
        return true
      }
    }
    const { count, bytes: bytesBefore } = slices
    const endBefore = slices.ends[count - 1] ?? 0
    const end = offset + bytes
    for (let at = offset; at < end; ) {
      const block = this.#blockOf(at)
      const blockStart = this.#startOf(block)
      const partEnd = Math.min(end, blockStart + LOG_BLOCK_BYTES)
      const cached = this.#blockWith(block, partEnd - blockStart)
      if (!cached) {
        slices.cutTo(count, endBefore, bytesBefore)
        return false
      }
      slices.add(cached.buffer, at - blockStart, partEnd - blockStart)
      this.#nearBlock(cached, blockStart, end)
      at = partEnd
    }
    this.#readAhead(end)
    return true
  }

  /** Brings the blocks of the range into memory. @throws the disk's error */
  async load(offset: number, bytes: number): Promise<void> {
    const last = this.#blockOf(offset + bytes - 1)
    try {
      if (bytes > LOG_BLOCK_BYTES) await this.#loadLarge(offset, bytes)
      else for (let block = this.#blockOf(offset); block <= last; block++) await this.#loadBlock(block)
    } catch (error) {
      // the file has expired in between: the next read says so
      if (errnoOf(error) !== 'ENOENT' || offset >= this.#log.minOffset) throw error
    }
  }

  /**
   * The bytes of a range, read on the event loop: for single records on rare paths.
   * @throws MqError notFound when the log does not hold the whole range
   */
  readSync(offset: number, bytes: number): Buffer {
    const known = this.inTail(offset, bytes)
    if (known) return known
    const target = Buffer.allocUnsafe(bytes)
    if (offset + bytes > this.#log.writtenEnd || this.#log.files.readSync(target, offset) < bytes) {
      throw new MqError('notFound', `the log holds no ${bytes} bytes at ${offset}`)
    }
    return target
  }

  /** The bytes of a range where the tail's memory has them, which it may use again after this turn; undefined where not. */
  inTail(offset: number, bytes: number): Buffer | undefined {
    const chunk = this.#log.tail.find(offset)
    if (!chunk || offset + bytes > chunk.base + chunk.used) return undefined
    return chunk.buffer.subarray(offset - chunk.base, offset - chunk.base + bytes)
  }

  /**
   * The bytes of a range and no more, read off the event loop: for records that lie here and there.
   * @throws MqError notFound when the log does not hold the whole range
   */
  async read(offset: number, bytes: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(bytes)
    if (offset + bytes > this.#log.writtenEnd || (await this.#log.files.read(target, offset)) < bytes) {
      throw new MqError('notFound', `the log holds no ${bytes} bytes at ${offset}`)
    }
    return target
  }

  /** The middle of a block is not passed unseen: there the next one is asked for. */
  #nearBlock({ buffer, bytes }: Block, start: number, end: number): void {
    const middle = start + LOG_BLOCK_BYTES / 2
    this.#setNear(buffer, start, end <= middle ? Math.min(middle, start + bytes) : start + bytes)
  }

  #setNear(buffer: Buffer, from: number, end: number): void {
    this.#near = buffer
    this.#nearFrom = from
    this.#nearEnd = end
  }

  /** The block with so many bytes at least, if it is in memory or quickly read. */
  #blockWith(block: number, bytes: number): Block | undefined {
    const cached = this.#cache.find(block)
    if (cached && cached.bytes >= bytes) return cached
    const { files, writtenEnd } = this.#log
    const start = this.#startOf(block)
    if (this.#quickBlocksLeft === 0 || !this.#quick.allows(writtenEnd - start)) return undefined
    this.#quickBlocksLeft--
    try {
      const read = this.#cache.loadSync(block, this.#bytesOf(start), (target) =>
        this.#quick.run(() => Math.min(files.readSync(target, start), writtenEnd - start)),
      )
      return read.bytes >= bytes ? read : undefined
    } catch {
      // it is met again, and told, by `load`
      return undefined
    }
  }

  /** Reads a range next to those that this read has; undefined where its beginning is in a block, or it is not quickly read. */
  #readRun(offset: number, bytes: number): Buffer | undefined {
    const { files, writtenEnd } = this.#log
    const end = this.#runsEnd + bytes
    if (end > RUNS_BYTES_MAX || offset + bytes > writtenEnd) return undefined
    if (this.#cache.find(this.#blockOf(offset)) || !this.#quick.allows(writtenEnd - offset)) return undefined
    this.#runs ??= Buffer.allocUnsafeSlow(RUNS_BYTES_MAX)
    const run = this.#runs.subarray(this.#runsEnd, end)
    try {
      if (this.#quick.run(() => files.readSync(run, offset)) < bytes) return undefined
    } catch {
      // it is met again, and told, by `load`
      return undefined
    }
    this.#runsEnd = end
    return run
  }

  #takeLarge(offset: number, slices: SliceList): boolean {
    const record = this.#large.get(offset)
    if (!record) return false
    this.#large.delete(offset)
    slices.add(record, 0, record.length)
    return true
  }

  async #loadLarge(offset: number, bytes: number): Promise<void> {
    const record = Buffer.allocUnsafeSlow(bytes)
    if ((await this.#log.files.read(record, offset)) < bytes) return
    this.#large.set(offset, record)
    for (const oldest of this.#large.keys()) {
      if (this.#large.size <= LARGE_RECORDS_MAX) break
      this.#large.delete(oldest)
    }
  }

  /** Blocks are counted through all files, each of which begins a new one. */
  #blockOf(offset: number): number {
    const start = this.#log.files.startOf(offset)
    return (
      (start / this.#log.files.fileBytes) * this.#blocksPerFile +
      Math.floor((offset - start) / LOG_BLOCK_BYTES)
    )
  }

  #startOf(block: number): number {
    const file = Math.floor(block / this.#blocksPerFile)
    return file * this.#log.files.fileBytes + (block - file * this.#blocksPerFile) * LOG_BLOCK_BYTES
  }

  /** Bytes of the block that begins here: the last one of a file may be shorter. */
  #bytesOf(start: number): number {
    const { files } = this.#log
    return Math.min(LOG_BLOCK_BYTES, files.startOf(start) + files.fileBytes - start)
  }

  /** Asks for the next block once a reader is past the middle of one; a drained backlog then never waits for the disk. */
  #readAhead(offset: number): void {
    const block = this.#blockOf(offset)
    if (offset - this.#startOf(block) < LOG_BLOCK_BYTES / 2) return
    const next = this.#startOf(block + 1)
    if (this.#quick.allows(this.#log.writtenEnd - next)) return
    if (this.#cache.has(block + 1) || next >= this.#log.writtenEnd || this.#log.tail.find(next)) return
    // an error is met again, and told, by the reader who needs the block
    this.#loadBlock(block + 1).catch(() => undefined)
  }

  async #loadBlock(block: number): Promise<void> {
    const { files, writtenEnd } = this.#log
    const start = this.#startOf(block)
    const bytes = this.#bytesOf(start)
    const known = this.#cache.find(block)
    if (known && known.bytes >= Math.min(bytes, writtenEnd - start)) return
    await this.#cache.load(block, bytes, async (target) =>
      Math.min(await files.read(target, start), writtenEnd - start),
    )
  }
}
