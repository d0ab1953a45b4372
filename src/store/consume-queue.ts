import { MqError } from '../base/errors.ts'
import { viewOf } from '../protocol/byte-view.ts'
import { BLANK_BYTES } from '../protocol/record-draft.ts'
import { type FileSequence, writeAll } from './file-sequence.ts'
import type { QueueEnd } from './queue-ends.ts'
import { CQ_ENTRY_BYTES, entryAt, FILLER_SIZE, putEntry, type QueueEntry } from './queue-entry.ts'
import { QueueTail } from './queue-tail.ts'

/** Entries in memory above which the older half is left to the files, when they have it. */
const TAIL_ENTRIES_KEPT = 64

/** Entries in memory above which the older half is written to the files. */
const TAIL_ENTRIES_MAX = 1024

/** What a queue asks of the log. */
export interface QueueLog {
  readonly minOffset: number
  /** Offset behind the last record that may be seen. */
  readonly confirmedEnd: number
  /** Offset up to which the device has the log: entries of later records are not written to files. */
  readonly durableEnd: number
  /** Whether the log is being dispatched again after a crash: files of queues may be short, torn or missing in between. */
  readonly isRecovering: boolean
  /** Where between two offsets the log has lost a file; undefined where it has lost none. */
  lostBetween(from: number, end: number): number | undefined
  /** Whether the log has, at `physicalOffset`, the record of this queue with this queue offset. */
  holds(queue: ConsumeQueue, queueOffset: number, physicalOffset: number, bytes: number): boolean
  /** Where a queue ended at a clean stop; undefined when nothing is known. */
  notedEnd(queue: { readonly topic: string; readonly queueId: number }): QueueEnd | undefined
  /** Dispatches what the log has for a queue behind its end once more, of the records that begin from `from` on and before `end`. */
  dispatchAgain(queue: ConsumeQueue, from: number, end: number): void
}

/** A queue, or all of a topic, in which others wait for messages to arrive. */
export interface Awaited {
  /** How many wait: dispatch says so when there are any. Counted by those who wait. */
  awaiterCount: number
}

/**
 * One queue of one topic: where in the CommitLog its messages are, an entry each, in files of RocketMQ's format. Its newest
 * entries are also in memory; files are touched when first needed, so that an idle queue costs a few numbers.
 */
export class ConsumeQueue implements Awaited {
  readonly topic: string
  readonly queueId: number
  /** Number of the queue in its store: the key of its blocks in the cache. */
  readonly id: number
  readonly files: FileSequence
  readonly tail = new QueueTail()
  /** All queues of its topic. */
  readonly ofTopic: Awaited
  awaiterCount = 0
  /** Set by dispatch between an entry and the word about it. */
  isTouched = false
  /** Whether the queue got entries since the table last looked for idle ones. Set by the table. */
  isUsed = false
  /** Whether the queue has got its first file since the table last asked. */
  isNew = false
  /** The queue offset that the next appended message gets; ahead of `maxOffset` until that message is confirmed. */
  nextOffset = 0
  /** Offset behind the last entry. */
  maxOffset = 0
  /** Store time of the last dispatched message since start, 0 when there was none. */
  lastStoreTimestampMs = 0
  readonly #log: QueueLog
  #isOpen = false
  #isDeleted = false
  #minOffset = 0
  /** Beginning of the log for which `#minOffset` was found. */
  #minOffsetOf = -1
  /** Where the record of the last entry begins, as long as no entry is in memory; -1 when there is none, or it is not known. */
  #lastRecordAt = -1
  /** Entries below are in the files. */
  #flushedOffset = 0
  /** Start offsets of files with entries that no datasync has confirmed. */
  #unsynced: Set<number> | undefined
  /** Whether files hold entries behind the end, of records that are not in the log. */
  #isEndStale = false

  constructor(parts: {
    topic: string
    ofTopic: Awaited
    queueId: number
    id: number
    files: FileSequence
    log: QueueLog
  }) {
    this.topic = parts.topic
    this.ofTopic = parts.ofTopic
    this.queueId = parts.queueId
    this.id = parts.id
    this.files = parts.files
    this.#log = parts.log
  }

  /** Whether anybody waits for messages to arrive here. */
  get isAwaited(): boolean {
    return this.awaiterCount > 0 || this.ofTopic.awaiterCount > 0
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether the queue was deleted: nobody finds it, and who still has it finds it empty. */
  get isDeleted(): boolean {
    return this.#isDeleted
  }

  get hasUnflushed(): boolean {
    return this.#flushedOffset < this.maxOffset
  }

  get hasUnsynced(): boolean {
    return this.#unsynced !== undefined && this.#unsynced.size > 0
  }

  /**
   * Finds where the queue ends: the last entry whose record the log holds. Files may hold more, of a log whose end a power
   * loss took, or damaged, or less than at the last clean stop; nothing of it is believed, and what the log has in its place is
   * dispatched again. Does nothing when the queue is open.
   * @throws MqError storeUnreadable
   */
  open(): void {
    if (this.#isOpen) return
    this.#load()
    const endInFiles = this.#endInFiles()
    let end = endInFiles
    while (end > this.#begin && !this.#isHeld(end - 1)) end--
    this.#isEndStale = end < endInFiles
    this.#setEnd(end)
    const last = end > this.#begin ? this.#entryInFile(end - 1) : undefined
    if (last && last.bytes !== FILLER_SIZE) this.#lastRecordAt = last.physicalOffset
    this.#isOpen = true
    // a recovery comes to the records by itself
    if (!this.#log.isRecovering) this.#complete()
  }

  /** As `open`, for a queue that has no files. */
  openEmpty(): void {
    if (this.#isOpen) return
    this.#setEnd(0)
    this.#isOpen = true
    if (!this.#log.isRecovering) this.#complete()
  }

  /** Where the record of the last entry begins; -1 when there is none, or it is not known without reading. */
  get lastRecordAt(): number {
    return this.maxOffset > this.tail.from ? this.tail.recordAt(this.maxOffset - 1) : this.#lastRecordAt
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
    if (this.maxOffset - this.tail.from === this.tail.capacity) this.#makeRoom()
    this.tail.put(queueOffset, physicalOffset, bytes, tagsCode)
    this.maxOffset = queueOffset + 1
  }

  /**
   * As `open`, for a queue whose records are dispatched again from this offset on: what its files hold from there on is written
   * again, as nobody knows what of it is durable.
   */
  openAt(queueOffset: number): void {
    if (this.#isOpen) return
    this.#load()
    const isJoint = queueOffset > this.#begin ? this.#isSound(queueOffset - 1) : queueOffset === this.#begin
    if (!isJoint) {
      this.open()
      return
    }
    this.#isEndStale = this.files.has(queueOffset * CQ_ENTRY_BYTES)
    this.#setEnd(queueOffset)
    this.#isOpen = true
  }

  /**
   * As `append`, where the log is dispatched again: should the queue go beyond this offset, it is cut and goes on with this entry.
   * A queue whose older entries are gone begins at it.
   */
  appendAgain(queueOffset: number, physicalOffset: number, bytes: number, tagsCode: number): void {
    if (queueOffset > this.maxOffset && !this.#bridge(queueOffset, physicalOffset)) this.#beginAt(queueOffset)
    else if (queueOffset < this.maxOffset) this.#cutTo(queueOffset)
    this.append(queueOffset, physicalOffset, bytes, tagsCode)
    this.nextOffset = this.maxOffset
  }

  /** Takes back the entries of records at or behind the end of the log, in memory and in the files. */
  cutBehind(logEnd: number): void {
    const end = firstIndex(this.#begin, this.maxOffset, (index) => {
      const entry = this.#entry(index)
      return entry === undefined || entry.physicalOffset >= logEnd
    })
    if (end < this.maxOffset) this.#cutTo(end)
    if (this.#isEndStale) this.#wipeEnd()
  }

  /**
   * Writes what is only in memory to the files, as far as the device has the records themselves: after a power loss no entry points
   * to a record that is gone.
   * @returns whether that is more than the entries that it may write
   * @throws the disk's error; what is not written stays in memory
   */
  flush(countMax: number = Number.POSITIVE_INFINITY): boolean {
    if (this.#isDeleted) return false
    const durableOffset = this.#durableOffset()
    const end = Math.min(durableOffset, this.#flushedOffset + countMax)
    if (this.#isEndStale && this.#flushedOffset < end) this.#wipeEnd()
    while (this.#flushedOffset < end) {
      const from = this.#flushedOffset
      const position = from * CQ_ENTRY_BYTES
      const fileEntries = this.files.fileBytes / CQ_ENTRY_BYTES
      const { buffer, capacity } = this.tail
      const count = Math.min(end - from, capacity - (from % capacity), fileEntries - (from % fileEntries))
      const start = this.files.startOf(position)
      if (position >= this.files.endOffset) this.#beginFile(start, position)
      const at = this.tail.byteOf(from)
      this.#noteUnsynced(start)
      const file = this.files.fileAt(position)
      const written = file.writeSync([buffer.subarray(at, at + count * CQ_ENTRY_BYTES)], position - start)
      // of a short write the whole entries count, and the rest is written again; one that ends within the first entry is gone on
      // with: a full disk takes the bytes up to the end of a block again and again, and says only behind them that it is full
      if (written < CQ_ENTRY_BYTES) {
        writeAll(file, buffer.subarray(at + written, at + CQ_ENTRY_BYTES), position - start + written)
      }
      this.#flushedOffset = from + Math.max(Math.floor(written / CQ_ENTRY_BYTES), 1)
    }
    return end < durableOffset
  }

  /** Makes all entries that were flushed durable, off the event loop. @throws the disk's error; the rest is tried again */
  async sync(): Promise<void> {
    for (const start of this.#startsToSync()) {
      try {
        this.#heal(start)
        await this.files.datasync(start)
      } catch (error) {
        this.#noteUnsynced(start)
        throw error
      }
    }
    if (!this.#isDeleted && this.files.hasNewNames) await this.files.syncNamesLater()
  }

  /** Gives the memory of the newest entries back, if they are in the files. @returns whether they are */
  release(): boolean {
    if (this.hasUnflushed) return false
    this.#lastRecordAt = this.lastRecordAt
    this.tail.clear(this.maxOffset)
    return true
  }

  /** Empties the queue for good, after its deletion. */
  forget(): void {
    this.#isDeleted = true
    this.#isOpen = true
    this.files.forget()
    this.#setEnd(0)
  }

  /** Reads one entry wherever it is, on the event loop. @returns undefined when there is none */
  entrySync(queueOffset: number): QueueEntry | undefined {
    this.open()
    if (queueOffset < this.minOffset || queueOffset >= this.maxOffset) return undefined
    return this.#entry(queueOffset)
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

  /** Offset of the first entry that is anywhere. */
  get #begin(): number {
    return this.files.isEmpty ? this.tail.from : this.files.firstOffset / CQ_ENTRY_BYTES
  }

  #load(): void {
    this.files.load(this.#log.isRecovering ? 0 : undefined)
  }

  #setEnd(end: number): void {
    this.maxOffset = end
    this.nextOffset = end
    this.#flushedOffset = end
    this.tail.clear(end)
    this.#minOffsetOf = -1
    this.#lastRecordAt = -1
  }

  /** Has the entries dispatched again that the files lack at the end. */
  #complete(): void {
    const noted = this.#log.notedEnd(this)
    const isShort = noted && noted.queueOffset > this.maxOffset && noted.lastRecordAt > this.#lastRecordAt
    if (!isShort) {
      if (this.#isEndStale && this.#lastRecordAt >= 0) this.#dispatchAgain(this.#lastRecordAt)
      return
    }
    const from = noted.queueOffset === this.maxOffset + 1 ? noted.lastRecordAt : this.#lastRecordAt
    this.#dispatchAgain(from, this.#isEndStale ? undefined : noted.lastRecordAt + 1)
  }

  #dispatchAgain(from: number, end: number = this.#log.confirmedEnd): void {
    this.#log.dispatchAgain(this, from, end)
  }

  /** Whether an entry is in the files whose record the log holds, or had. */
  #isSound(index: number): boolean {
    return this.#isEntry(index) && this.#isHeld(index)
  }

  #isHeld(index: number): boolean {
    const entry = this.#entryInFile(index)
    if (!entry) return false
    if (entry.bytes === FILLER_SIZE) return true
    return this.#log.holds(this, index, entry.physicalOffset, entry.bytes)
  }

  /**
   * Offset behind the last entry in the files that points into the log. Entries stand without gaps, but for those that a power
   * loss has torn: these are behind all durable ones, and dispatched again.
   */
  #endInFiles(): number {
    const fileEntries = this.files.fileBytes / CQ_ENTRY_BYTES
    for (let i = this.files.fileCount - 1; i >= 0; i--) {
      const first = (this.files.starts[i] as number) / CQ_ENTRY_BYTES
      const end = firstIndex(first, first + fileEntries, (index) => !this.#isEntry(index))
      if (end > first) return end
    }
    return this.files.firstOffset / CQ_ENTRY_BYTES
  }

  #isEntry(index: number): boolean {
    const entry = this.#entryInFile(index)
    if (!entry || entry.bytes <= 0 || entry.physicalOffset < 0) return false
    return entry.bytes === FILLER_SIZE || entry.physicalOffset + entry.bytes <= this.#log.confirmedEnd
  }

  #findMin(logMin: number): number {
    return firstIndex(this.#begin, this.maxOffset, (index) => {
      const entry = this.#entry(index)
      return entry !== undefined && entry.bytes !== FILLER_SIZE && entry.physicalOffset >= logMin
    })
  }

  #entryInFile(index: number): QueueEntry | undefined {
    const bytes = this.files.readSync(scratch, index * CQ_ENTRY_BYTES)
    return bytes === CQ_ENTRY_BYTES ? entryAt(scratch, 0) : undefined
  }

  #entry(index: number): QueueEntry | undefined {
    return this.#copyEntry(index) ? entryAt(scratch, 0) : undefined
  }

  /** Copies an entry to `scratch`, from memory or file; false when it is in neither. */
  #copyEntry(index: number): boolean {
    if (index < this.tail.from) {
      return this.files.readSync(scratch, index * CQ_ENTRY_BYTES) === CQ_ENTRY_BYTES
    }
    this.tail.copyTo(scratch, index)
    return true
  }

  /** Offset behind the last entry whose record the device has. */
  #durableOffset(): number {
    const { durableEnd } = this.#log
    return firstIndex(
      this.#flushedOffset,
      this.maxOffset,
      (index) => this.tail.recordEndOf(index) > durableEnd,
    )
  }

  /** Makes the file that begins at `start`; the first one of a queue is filled up to `position`. */
  #beginFile(start: number, position: number): void {
    const isFirst = this.files.isEmpty
    const file = this.files.create(start)
    if (!isFirst) return
    this.isNew = true
    const filler = Buffer.alloc(position - start)
    const view = viewOf(filler)
    for (let at = 0; at < filler.length; at += CQ_ENTRY_BYTES) putEntry(view, at, 0, FILLER_SIZE, 0)
    writeAll(file, filler, 0)
  }

  #noteUnsynced(start: number): void {
    this.#unsynced ??= new Set()
    this.#unsynced.add(start)
  }

  /** Each file to sync; a file given out is no longer noted. */
  *#startsToSync(): Generator<number> {
    for (const start of [...(this.#unsynced ?? [])]) {
      this.#unsynced?.delete(start)
      if (this.files.has(start)) yield start
    }
    if (!this.hasUnsynced) this.#unsynced = undefined
  }

  /** Writes again what a file holds whose datasync has failed. */
  #heal(start: number): void {
    if (!this.files.isSuspect(start)) return
    this.files.rewrite(start, Math.min(start + this.files.fileBytes, this.#flushedOffset * CQ_ENTRY_BYTES))
  }

  /**
   * Room for one more entry in memory: a larger ring while it is small, or holds what has come since the last checkpoint; else the
   * files take over.
   */
  #makeRoom(): void {
    const { tail } = this
    if (tail.capacity >= TAIL_ENTRIES_MAX) this.#tryToFlush()
    const isHalfFlushed = this.maxOffset - this.#flushedOffset < tail.capacity / 2
    if (tail.capacity < TAIL_ENTRIES_KEPT || !isHalfFlushed) tail.grow(this.maxOffset)
    // the older half is given up, not all: readers are mostly close behind
    else tail.from = this.maxOffset - tail.capacity / 2
  }

  /**
   * Flushes. Entries stay in memory when the disk is full, or does not have their records yet: the ring grows, and the log takes
   * no more for the time being, or is durable soon.
   */
  #tryToFlush(): void {
    try {
      this.flush()
    } catch (error) {
      // the disk's error is met again, and told, by the table's next flush
      if (error instanceof MqError) throw error
    }
  }

  /**
   * Fills up to an offset beyond the end where a hole of the log has taken the records in between: with entries that point into it.
   * @returns whether it has
   */
  #bridge(queueOffset: number, physicalOffset: number): boolean {
    const last = this.maxOffset > this.#begin ? this.#entry(this.maxOffset - 1) : undefined
    const lost = last && this.#log.lostBetween(last.physicalOffset + last.bytes, physicalOffset)
    if (lost === undefined) return false
    while (this.maxOffset < queueOffset) this.append(this.maxOffset, lost, BLANK_BYTES, 0)
    return true
  }

  /** Begins the queue anew at an offset beyond its end. */
  #beginAt(queueOffset: number): void {
    this.files.clear()
    this.#setEnd(queueOffset)
  }

  #cutTo(end: number): void {
    this.tail.from = Math.min(this.tail.from, end)
    this.maxOffset = end
    this.nextOffset = end
    this.#minOffsetOf = -1
    this.#lastRecordAt = -1
    if (this.#flushedOffset <= end) return
    this.#flushedOffset = end
    this.#wipeEnd()
  }

  /** Makes zeros of all that the files hold behind the last flushed entry. */
  #wipeEnd(): void {
    const position = this.#flushedOffset * CQ_ENTRY_BYTES
    this.files.truncate(position)
    this.#isEndStale = false
    if (this.files.has(position)) this.#noteUnsynced(this.files.startOf(position))
  }
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

const scratch = Buffer.alloc(CQ_ENTRY_BYTES)
