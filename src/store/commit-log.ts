import { MqError } from '../base/errors.ts'
import { putInt32 } from '../protocol/big-endian.ts'
import { BLANK_BYTES, type RecordDraft, RecordMagic } from '../protocol/record-draft.ts'
import type { FileSequence } from './file-sequence.ts'
import { TAIL_CHUNK_BYTES, type TailChunk, TailMemory } from './tail-memory.ts'

/** Bytes that go to one file in one call. */
interface Segment {
  readonly start: number
  readonly position: number
  readonly buffers: Buffer[]
  bytes: number
}

/**
 * The log of all messages of a broker, RocketMQ's format: records one behind the other in files of one size, never across
 * two. Appending encodes into memory; `writeSync` or `write` hands what was appended to the kernel, a turn at a time.
 *
 *     appended (`end`)  >=  written (`writtenEnd`)  >=  durable (`durableEnd`)
 */
export class CommitLog {
  readonly files: FileSequence
  readonly tail: TailMemory
  /** Offset behind the last appended record: where the next one goes, or a blank. */
  end = 0
  /** Offset up to which the kernel has the bytes. */
  writtenEnd = 0
  /** Offset up to which the device has the bytes, as far as a datasync has said so. */
  durableEnd = 0
  /** Whether a datasync has failed and what it was to save was not written again: nothing is confirmed until `heal`. */
  isSuspect = false
  #chunk: TailChunk | undefined
  #isWriting = false
  /** The datasync under way. */
  #syncing: Promise<void> | undefined

  constructor(files: FileSequence, tailBytesMax: number) {
    this.files = files
    this.tail = new TailMemory(tailBytesMax)
  }

  /** Begins at the end that recovery has found. */
  open(end: number, durableEnd: number): void {
    this.tail.clear()
    this.#chunk = undefined
    this.end = end
    this.writtenEnd = end
    this.durableEnd = durableEnd
  }

  /** Offset of the first byte that is kept. */
  get minOffset(): number {
    return this.files.firstOffset
  }

  /** Whether an asynchronous write is under way. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  get unwrittenBytes(): number {
    return this.end - this.writtenEnd
  }

  /**
   * Makes room for `bytes` in one file, closing the present file with a blank when they do not fit.
   * @returns the offset at which they go
   * @throws MqError messageIllegal when they fit no file; the disk's error when the next file cannot be made
   */
  reserve(bytes: number): number {
    const { fileBytes } = this.files
    if (bytes + BLANK_BYTES > fileBytes) {
      throw new MqError(
        'messageIllegal',
        `a record of ${bytes} bytes does not fit a CommitLog file of ${fileBytes}`,
      )
    }
    const inFile = this.files.isEmpty ? fileBytes : this.end - this.files.startOf(this.end)
    const isAtFileEnd = this.end >= this.files.endOffset
    if (isAtFileEnd) this.#beginFile()
    else if (inFile + bytes + BLANK_BYTES > fileBytes) this.#roll()
    const chunk = this.#chunk
    // eight bytes stay free in every chunk: a blank may have to follow
    if (!chunk || chunk.used + bytes + BLANK_BYTES > chunk.buffer.length) {
      this.#chunk = this.tail.begin(
        this.end,
        Math.max(bytes + BLANK_BYTES, TAIL_CHUNK_BYTES),
        this.writtenEnd,
      )
    }
    return this.end
  }

  /**
   * Encodes the record at the end.
   * @returns its offset
   */
  append(draft: RecordDraft): number {
    const offset = this.reserve(draft.bytes)
    const chunk = this.#chunk as TailChunk
    const from = chunk.used
    chunk.used = draft.put(chunk.buffer, from, offset)
    this.end = offset + chunk.used - from
    return offset
  }

  /** Hands all that was appended to the kernel. @throws the disk's error; `rollBack` then */
  writeSync(): void {
    for (const segment of this.#segments()) {
      const file = this.files.fileAt(segment.start)
      let done = 0
      while (done < segment.bytes)
        done += file.writeSync(skip(segment.buffers, done), segment.position + done)
    }
    this.writtenEnd = this.end
  }

  /** As `writeSync`, off the event loop; what is appended meanwhile waits for the next. */
  async write(): Promise<void> {
    const end = this.end
    this.#isWriting = true
    try {
      for (const segment of this.#segments()) {
        let done = 0
        while (done < segment.bytes) {
          done += await this.files.write(segment.start, skip(segment.buffers, done), segment.position + done)
        }
      }
      this.writtenEnd = end
    } finally {
      this.#isWriting = false
    }
  }

  /**
   * Takes back what was appended and not written, and wipes what a failed write may have left of it on disk, durably: it is about
   * to be refused, and must not come to life at a later start, whole or as the end of another record.
   * A sync that fails here makes the log suspect, as any other.
   * @throws the disk's error when nothing could be wiped
   */
  rollBack(): void {
    this.tail.rollBack(this.writtenEnd)
    this.#chunk = undefined
    this.end = this.writtenEnd
    this.files.truncate(this.end)
    try {
      if (this.files.has(this.end)) this.files.datasyncSync(this.files.startOf(this.end))
    } catch {
      // the next datasync says so, and has all of it written again
      this.isSuspect = true
    }
  }

  /**
   * Makes what is written by now durable; one at a time, so that a failure is nobody else's success.
   * @returns the offset up to which it is
   * @throws the disk's error; from then on MqError internal until `heal`
   */
  async datasync(): Promise<number> {
    while (this.#syncing) await this.#syncing
    const result = this.#sync()
    const finished = (): void => {
      this.#syncing = undefined
    }
    this.#syncing = result.then(finished, finished)
    return result
  }

  /** Writes again what no datasync has confirmed, after one has failed; the next one counts then. @throws the disk's error */
  heal(): void {
    this.files.rewrite(this.durableEnd, this.writtenEnd)
    this.isSuspect = false
  }

  async #sync(): Promise<number> {
    this.#checkSound()
    const end = this.writtenEnd
    try {
      for (const start of this.#filesBetween(this.durableEnd, end)) await this.files.datasync(start)
      this.files.syncNames()
    } catch (error) {
      this.isSuspect = true
      throw error
    }
    if (end > this.durableEnd) this.durableEnd = end
    return end
  }

  #checkSound(): void {
    if (!this.isSuspect) return
    throw new MqError('internal', `the log from ${this.durableEnd} on waits to be written again`)
  }

  #beginFile(): void {
    const isFirst = this.files.isEmpty
    this.files.create(this.files.startOf(this.end))
    // a later file must never be found without the first: where the log begins could not be told
    if (isFirst) this.files.syncNames()
  }

  /** Closes the present file with a blank and begins the next; nothing has changed when the file cannot be made. */
  #roll(): void {
    const next = this.files.startOf(this.end) + this.files.fileBytes
    if (next === this.files.endOffset) this.files.create(next)
    let chunk = this.#chunk
    if (!chunk) {
      chunk = this.tail.begin(this.end, TAIL_CHUNK_BYTES, this.writtenEnd)
    }
    putInt32(chunk.buffer, chunk.used, next - this.end)
    putInt32(chunk.buffer, chunk.used + 4, RecordMagic.BLANK)
    chunk.used += BLANK_BYTES
    this.#chunk = undefined
    this.end = next
  }

  #filesBetween(from: number, end: number): number[] {
    return this.files.starts.filter((start) => start < end && start + this.files.fileBytes > from)
  }

  /** The unwritten bytes, a file at a time. */
  #segments(): Segment[] {
    const segments: Segment[] = []
    for (const chunk of this.tail.between(this.writtenEnd, this.end)) {
      const from = Math.max(chunk.base, this.writtenEnd)
      const part = chunk.buffer.subarray(from - chunk.base, chunk.used)
      const start = this.files.startOf(from)
      const last = segments.at(-1)
      if (last?.start === start) {
        last.buffers.push(part)
        last.bytes += part.length
      } else segments.push({ start, position: from - start, buffers: [part], bytes: part.length })
    }
    return segments
  }
}

/** The buffers without their first `bytes`. */
function skip(buffers: Buffer[], bytes: number): Buffer[] {
  if (bytes === 0) return buffers
  const rest: Buffer[] = []
  let toSkip = bytes
  for (const buffer of buffers) {
    if (toSkip >= buffer.length) toSkip -= buffer.length
    else {
      rest.push(buffer.subarray(toSkip))
      toSkip = 0
    }
  }
  return rest
}
