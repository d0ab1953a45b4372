import { errnoOf, MqError } from '../base/errors.ts'
import { int32At, int64At, putInt32, putInt64 } from '../protocol/big-endian.ts'
import type { FileSequence } from './file-sequence.ts'

/** Bytes of an entry: int64 CommitLog offset, int32 record size, int64 tags code. */
export const CQ_ENTRY_BYTES = 20

/** Size of an entry that only fills the place up to where a queue begins (RocketMQ's ConsumeQueue pre-fill). */
const FILLER_SIZE = 0x7fffffff

const TAIL_ENTRIES_MIN = 16
const TAIL_ENTRIES_MAX = 1024

/** Whether the log still holds this record of the queue, and where the log begins and ends: what a queue asks of it. */
export interface QueueLog {
  readonly minOffset: number
  /** Offset behind the last record that may be seen. */
  readonly confirmedEnd: number
  /** Whether the log has, at `physicalOffset`, the record of this queue with this queue offset. */
  holds(queue: ConsumeQueue, queueOffset: number, physicalOffset: number, bytes: number): boolean
}

/**
 * One queue of one topic: where in the CommitLog its messages are, an entry each, in files of RocketMQ's format. Its newest
 * entries are also in memory; files are touched when first needed, so that an idle queue costs a few numbers.
 */
export class ConsumeQueue {
  readonly topic: string
  readonly queueId: number
  /** Number of the queue in its store: the key of its blocks in the cache. */
  readonly id: number
  /** Whether someone waits for a message to arrive: dispatch then says so. Set by the broker. */
  isAwaited = false
  /** Set by dispatch between an entry and the word about it. */
  isTouched = false
  /** The queue offset that the next appended message gets; ahead of `maxOffset` until that message is confirmed. */
  nextOffset = 0
  /** Offset behind the last entry. */
  maxOffset = 0
  /** Store time of the last dispatched message since start, 0 when there was none. */
  lastStoreTimestampMs = 0
  readonly #files: FileSequence
  readonly #log: QueueLog
  #isOpen = false
  #minOffset = 0
  /** Beginning of the log for which `#minOffset` was found. */
  #minOffsetOf = -1
  /** Entries below are in the files. */
  #flushedOffset = 0
  /** Ring of the newest entries: entry i at (i modulo capacity); those from `#tailFrom` on are there. */
  #tail: Buffer = NO_TAIL
  #tailEntries = 0
  #tailFrom = 0

  constructor(parts: { topic: string; queueId: number; id: number; files: FileSequence; log: QueueLog }) {
    this.topic = parts.topic
    this.queueId = parts.queueId
    this.id = parts.id
    this.#files = parts.files
    this.#log = parts.log
  }

  get files(): FileSequence {
    return this.#files
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get hasUnflushed(): boolean {
    return this.#flushedOffset < this.maxOffset
  }

  /** First entry that is in memory. */
  get tailFrom(): number {
    return this.#tailFrom
  }

  /**
   * Finds where the queue ends: the last entry whose record the log holds. Files may hold more, of a log whose end a power
   * loss took; nothing of it is believed. Does nothing when the queue is open.
   */
  open(): void {
    if (this.#isOpen) return
    this.#files.load()
    let end = this.#endInFiles()
    const begin = this.#files.firstOffset / CQ_ENTRY_BYTES
    while (end > begin && !this.#isHeld(end - 1)) end--
    this.#setEnd(end)
    this.#isOpen = true
  }

  /** First offset whose message the log still has; `maxOffset` when there is none. */
  get minOffset(): number {
    this.open()
    const logMin = this.#log.minOffset
    if (this.#minOffsetOf !== logMin) {
      this.#minOffset = this.#findMin(logMin)
      this.#minOffsetOf = logMin
    }
    return this.#minOffset
  }

  /**
   * Appends the entry of offset `maxOffset`.
   * @throws MqError internal when it is not that offset's turn: an entry is never appended over a gap (R2)
   */
  append(queueOffset: number, physicalOffset: number, bytes: number, tagsCode: number): void {
    if (queueOffset !== this.maxOffset) {
      throw new MqError(
        'internal',
        `entry ${queueOffset} for ${this.topic}/${this.queueId}, which ends at ${this.maxOffset}`,
      )
    }
    if (this.maxOffset - this.#tailFrom === this.#tailEntries) this.#makeRoom()
    const at = (queueOffset % this.#tailEntries) * CQ_ENTRY_BYTES
    putEntry(this.#tail, at, physicalOffset, bytes, tagsCode)
    this.maxOffset = queueOffset + 1
  }

  /**
   * As `append`, where the log is dispatched again after a crash: what is there already is passed over, and a queue whose
   * older entries are gone begins at this offset.
   * @returns whether the entry is new
   */
  appendAgain(queueOffset: number, physicalOffset: number, bytes: number, tagsCode: number): boolean {
    this.open()
    if (queueOffset < this.maxOffset) return false
    if (queueOffset > this.maxOffset) this.#beginAt(queueOffset)
    this.append(queueOffset, physicalOffset, bytes, tagsCode)
    this.nextOffset = this.maxOffset
    return true
  }

  /** Writes what is only in memory to the files. @returns the start offsets of the files written */
  flush(): number[] {
    const touched: number[] = []
    while (this.#flushedOffset < this.maxOffset) {
      const from = this.#flushedOffset
      const position = from * CQ_ENTRY_BYTES
      const fileEntries = this.#files.fileBytes / CQ_ENTRY_BYTES
      const ringAt = from % this.#tailEntries
      const count = Math.min(
        this.maxOffset - from,
        this.#tailEntries - ringAt,
        fileEntries - (from % fileEntries),
      )
      const start = this.#files.startOf(position)
      if (position >= this.#files.endOffset) this.#files.create(start)
      const bytes = this.#tail.subarray(ringAt * CQ_ENTRY_BYTES, (ringAt + count) * CQ_ENTRY_BYTES)
      const written = this.#files.fileAt(position).writeSync([bytes], position - start)
      // of a short write the whole entries count; the rest is written again
      this.#flushedOffset = from + Math.floor(written / CQ_ENTRY_BYTES)
      if (touched.at(-1) !== start) touched.push(start)
    }
    return touched
  }

  /** Gives the memory of the newest entries back; they are in the files. */
  release(): void {
    if (this.hasUnflushed) return
    this.#tail = NO_TAIL
    this.#tailEntries = 0
    this.#tailFrom = this.maxOffset
  }

  /**
   * The place in memory of entry `queueOffset`, which must not be below `tailFrom`.
   * @returns the ring; `tailAt` and `tailRun` say where in it
   */
  get tail(): Buffer {
    return this.#tail
  }

  /** Byte in `tail` at which the entry stands. */
  tailAt(queueOffset: number): number {
    return (queueOffset % this.#tailEntries) * CQ_ENTRY_BYTES
  }

  /** Reads one entry wherever it is, on the event loop. @returns undefined when there is none */
  entrySync(queueOffset: number): QueueEntry | undefined {
    this.open()
    if (queueOffset < this.minOffset || queueOffset >= this.maxOffset) return undefined
    if (queueOffset >= this.#tailFrom) return entryAt(this.#tail, this.tailAt(queueOffset))
    return this.#entryInFile(queueOffset)
  }

  /**
   * The first offset whose record fulfils a condition that, along the queue, turns from false to true once; `maxOffset` when none does.
   * Reads log2(n) entries on the event loop.
   */
  firstWhere(fulfils: (entry: QueueEntry) => boolean): number {
    return firstIndex(this.minOffset, this.maxOffset, (index) => {
      const entry = this.entrySync(index)
      return entry === undefined || fulfils(entry)
    })
  }

  #setEnd(end: number): void {
    this.maxOffset = end
    this.nextOffset = end
    this.#flushedOffset = end
    this.#tailFrom = end
    this.#minOffsetOf = -1
  }

  #isHeld(index: number): boolean {
    const entry = this.#entryInFile(index)
    if (!entry) return false
    if (entry.bytes === FILLER_SIZE) return true
    return this.#log.holds(this, index, entry.physicalOffset, entry.bytes)
  }

  /** Offset behind the last entry in the files that points into the log; entries stand without gaps. */
  #endInFiles(): number {
    const fileEntries = this.#files.fileBytes / CQ_ENTRY_BYTES
    for (let i = this.#files.fileCount - 1; i >= 0; i--) {
      const first = (this.#files.starts[i] as number) / CQ_ENTRY_BYTES
      const end = firstIndex(first, first + fileEntries, (index) => !this.#isEntry(index))
      if (end > first) return end
    }
    return this.#files.firstOffset / CQ_ENTRY_BYTES
  }

  #isEntry(index: number): boolean {
    const entry = this.#entryInFile(index)
    if (!entry || entry.bytes <= 0 || entry.physicalOffset < 0) return false
    return entry.bytes === FILLER_SIZE || entry.physicalOffset + entry.bytes <= this.#log.confirmedEnd
  }

  #findMin(logMin: number): number {
    const first = this.#files.isEmpty ? this.#tailFrom : this.#files.firstOffset / CQ_ENTRY_BYTES
    return firstIndex(first, this.maxOffset, (index) => {
      const entry =
        index >= this.#tailFrom ? entryAt(this.#tail, this.tailAt(index)) : this.#entryInFile(index)
      return entry !== undefined && entry.bytes !== FILLER_SIZE && entry.physicalOffset >= logMin
    })
  }

  #entryInFile(index: number): QueueEntry | undefined {
    const bytes = this.#files.readSync(scratch, index * CQ_ENTRY_BYTES)
    return bytes === CQ_ENTRY_BYTES ? entryAt(scratch, 0) : undefined
  }

  /** Room for one more entry in memory: a larger ring while it is small, else the files take over. */
  #makeRoom(): void {
    if (this.#tailEntries < TAIL_ENTRIES_MAX || !this.#isFlushed()) this.#grow()
    // the older half is given up, not all: readers are mostly close behind
    else this.#tailFrom = this.maxOffset - this.#tailEntries / 2
  }

  /** Flushes. On a full disk entries stay in memory: their messages are stored, and the log takes no more for the time being. */
  #isFlushed(): boolean {
    try {
      this.flush()
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
    }
    return this.maxOffset - this.#flushedOffset < this.#tailEntries / 2
  }

  #grow(): void {
    const entries = Math.max(TAIL_ENTRIES_MIN, this.#tailEntries * 4)
    const grown = Buffer.allocUnsafeSlow(entries * CQ_ENTRY_BYTES)
    for (let index = this.#tailFrom; index < this.maxOffset; index++) {
      const at = this.tailAt(index)
      this.#tail.copy(grown, (index % entries) * CQ_ENTRY_BYTES, at, at + CQ_ENTRY_BYTES)
    }
    this.#tail = grown
    this.#tailEntries = entries
  }

  /** Begins the queue anew at an offset beyond its end, filling its first file up to there. */
  #beginAt(queueOffset: number): void {
    this.flush()
    this.#files.clear()
    const position = queueOffset * CQ_ENTRY_BYTES
    const start = this.#files.startOf(position)
    const file = this.#files.create(start)
    const filler = Buffer.alloc(position - start)
    for (let at = 0; at < filler.length; at += CQ_ENTRY_BYTES) putEntry(filler, at, 0, FILLER_SIZE, 0)
    if (filler.length > 0) file.writeSync([filler], 0)
    this.#setEnd(queueOffset)
  }
}

export interface QueueEntry {
  readonly physicalOffset: number
  readonly bytes: number
  readonly tagsCode: number
}

export function entryAt(buffer: Buffer, at: number): QueueEntry {
  return {
    physicalOffset: int64At(buffer, at),
    bytes: int32At(buffer, at + 8),
    tagsCode: int64At(buffer, at + 12),
  }
}

function putEntry(buffer: Buffer, at: number, physicalOffset: number, bytes: number, tagsCode: number): void {
  putInt64(buffer, at, physicalOffset)
  putInt32(buffer, at + 8, bytes)
  putInt64(buffer, at + 12, tagsCode)
}

/** The first index in [from, end) that fulfils a condition which turns true once; `end` when none does. */
function firstIndex(from: number, end: number, fulfils: (index: number) => boolean): number {
  let low = from
  let high = end
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fulfils(middle)) high = middle
    else low = middle + 1
  }
  return low
}

const NO_TAIL = Buffer.alloc(0)
const scratch = Buffer.alloc(CQ_ENTRY_BYTES)
