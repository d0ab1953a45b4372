import { int32At, int64At } from '../protocol/big-endian.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { LogHoles } from './log-holes.ts'
import { LOG_BLOCK_BYTES, type LogReader } from './log-reader.ts'
import { CQ_ENTRY_BYTES, FILLER_SIZE } from './queue-entry.ts'
import { SliceList } from './slice-list.ts'

/** What a read of a queue came to; the names are RocketMQ's GetMessageStatus, 'loading' is ours: ask again after `load`. */
export type ReadStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MESSAGE_IN_QUEUE'
  | 'loading'

/** Decides which messages of a queue a reader gets. */
export interface MessageFilter {
  /** By the tags code of the queue entry alone: false passes the message over. */
  mayMatch(tagsCode: number): boolean
  /**
   * By the whole record, which stands at `[at, end)` of `source`: false passes the message over. Asked where `mayMatch` has let
   * the entry pass; a filter that is content with the entry has no such method.
   */
  matchesRecord?(source: Buffer, at: number, end: number): boolean
}

export interface ReadRequest {
  readonly queueOffset: number
  readonly countMax: number
  /** Bytes of all messages; the first one always fits. */
  readonly bytesMax: number
  readonly filter: MessageFilter | undefined
}

/** Limits of one read (MessageStoreConfig maxTransfer... and friends; protocol/requests.md §3). */
export interface ReadLimits {
  readonly hotCountMax: number
  readonly hotBytesMax: number
  readonly coldCountMax: number
  readonly coldBytesMax: number
  /** Distance from the end of the log beyond which a message counts as cold. */
  readonly hotDistanceBytes: number
}

/** Entries looked at in one read: max(16,000 bytes, 20 x count) of the ConsumeQueue. */
const SCAN_ENTRIES_MIN = 800

/**
 * Reads messages of a queue as slices of memory. One instance serves a store; what it found holds until the next read, which
 * is the same turn's: callers copy the slices out at once.
 */
export class MessageReader {
  status: ReadStatus = 'FOUND'
  nextBeginOffset = 0
  minOffset = 0
  maxOffset = 0
  /** Messages found. */
  count = 0
  readonly slices = new SliceList()
  readonly #queues: ConsumeQueueTable
  readonly #log: LogReader
  readonly #holes: LogHoles
  readonly #limits: ReadLimits
  readonly #logEnd: () => number
  #load: (() => Promise<void>) | undefined
  /** Log offset from which messages count as hot. */
  #hotFrom = 0
  #hotCountMax = 0
  #hotBytesMax = 0
  #coldCountMax = 0
  #coldBytesMax = 0
  /** Bytes of the records that were counted last. */
  #runBytes = 0

  constructor(parts: {
    queues: ConsumeQueueTable
    log: LogReader
    holes: LogHoles
    limits: ReadLimits
    logEnd: () => number
  }) {
    this.#queues = parts.queues
    this.#log = parts.log
    this.#holes = parts.holes
    this.#limits = parts.limits
    this.#logEnd = parts.logEnd
  }

  /** Reads; `status` and the other fields say what was found. */
  read(queue: ConsumeQueue, request: ReadRequest): ReadStatus {
    this.count = 0
    this.slices.clear()
    this.#load = undefined
    this.#log.begin()
    this.minOffset = queue.minOffset
    this.maxOffset = queue.maxOffset
    this.status = this.#statusOf(request.queueOffset)
    if (this.status === 'FOUND') this.#collect(queue, request)
    return this.status
  }

  /** Brings into memory what the last read, of status 'loading', lacked. @throws the disk's error */
  async load(): Promise<void> {
    await this.#load?.()
  }

  #statusOf(offset: number): ReadStatus {
    this.nextBeginOffset = offset
    if (this.maxOffset === 0) {
      this.nextBeginOffset = 0
      return 'NO_MESSAGE_IN_QUEUE'
    }
    if (offset < this.minOffset) {
      this.nextBeginOffset = this.minOffset
      return 'OFFSET_TOO_SMALL'
    }
    if (offset === this.maxOffset) return 'OFFSET_OVERFLOW_ONE'
    if (offset > this.maxOffset) {
      this.nextBeginOffset = this.maxOffset
      return 'OFFSET_OVERFLOW_BADLY'
    }
    return 'FOUND'
  }

  #collect(queue: ConsumeQueue, request: ReadRequest): void {
    const scanEnd = Math.min(
      this.maxOffset,
      request.queueOffset + Math.max(SCAN_ENTRIES_MIN, request.countMax),
    )
    let offset = request.queueOffset
    let isOpen = true
    while (isOpen && offset < scanEnd) {
      if (!this.#queues.find(queue, offset) && !this.#queues.findQuickly(queue, offset)) {
        this.#wantEntries(queue, offset)
        break
      }
      const end = Math.min(scanEnd, offset + this.#queues.foundCount)
      const taken = this.#takeFound(offset, end, request)
      isOpen = taken === end
      offset = taken
    }
    this.#finish(offset)
  }

  /** Adds messages of the entries just found. @returns the offset of the first one that was not taken, `end` when all were */
  #takeFound(from: number, end: number, request: ReadRequest): number {
    const { filter } = request
    const buffer = this.#queues.foundBuffer
    const holes = this.#holes.isNone ? undefined : this.#holes
    let at = this.#queues.foundAt
    for (let offset = from; offset < end; offset++, at += CQ_ENTRY_BYTES) {
      const bytes = int32At(buffer, at + 8)
      if (bytes === FILLER_SIZE || bytes <= 0) continue
      if (filter && !filter.mayMatch(int64At(buffer, at + 12))) continue
      const physicalOffset = int64At(buffer, at)
      if (holes?.has(physicalOffset)) continue
      const more = this.#takeRun(at, end - offset, request) - 1
      if (more > 0) {
        offset += more
        at += more * CQ_ENTRY_BYTES
      } else if (!this.#take(physicalOffset, bytes, request)) return offset
    }
    return end
  }

  /**
   * Adds the records that follow one another in the log, from an entry on, at once: as far as this read may take them, none of them has
   * to be looked at, and all are in memory.
   * @returns how many; none where there would be but one
   */
  #takeRun(entryAt: number, entryCount: number, request: ReadRequest): number {
    if (request.filter?.matchesRecord || !this.#holes.isNone || !this.#isFollowed(entryAt, entryCount))
      return 0
    if (this.count < 2) this.#noteLimits(request)
    const offset = int64At(this.#queues.foundBuffer, entryAt)
    const isHot = offset >= this.#hotFrom
    const countMax = (isHot ? this.#hotCountMax : this.#coldCountMax) - this.count
    const bytesMax = (isHot ? this.#hotBytesMax : this.#coldBytesMax) - this.slices.bytes
    const count = this.#measureRun(entryAt, Math.min(entryCount, countMax), bytesMax, request.filter)
    if (count < 2 || !this.#log.locate(offset, this.#runBytes, this.slices)) return 0
    this.count += count
    return count
  }

  /** Whether the next entry's record follows that of this one. */
  #isFollowed(entryAt: number, entryCount: number): boolean {
    const buffer = this.#queues.foundBuffer
    const end = int64At(buffer, entryAt) + int32At(buffer, entryAt + 8)
    return entryCount > 1 && int64At(buffer, entryAt + CQ_ENTRY_BYTES) === end
  }

  /** Counts the records that follow one another, from an entry on; `#runBytes` says how large they are together. */
  #measureRun(
    entryAt: number,
    countMax: number,
    bytesMax: number,
    filter: MessageFilter | undefined,
  ): number {
    const buffer = this.#queues.foundBuffer
    const offset = int64At(buffer, entryAt)
    const end = entryAt + countMax * CQ_ENTRY_BYTES
    const runBytesMax = Math.min(bytesMax, LOG_BLOCK_BYTES)
    let runBytes = 0
    let at = entryAt
    for (; at < end; at += CQ_ENTRY_BYTES) {
      const bytes = int32At(buffer, at + 8)
      if (int64At(buffer, at) !== offset + runBytes || bytes <= 0 || runBytes + bytes > runBytesMax) break
      if (filter && !filter.mayMatch(int64At(buffer, at + 12))) break
      runBytes += bytes
    }
    this.#runBytes = runBytes
    return (at - entryAt) / CQ_ENTRY_BYTES
  }

  /** What a second message has to keep to; settings may change between two reads. */
  #noteLimits({ bytesMax, countMax }: ReadRequest): void {
    const limits = this.#limits
    this.#hotFrom = this.#logEnd() - limits.hotDistanceBytes
    this.#hotCountMax = Math.min(countMax, limits.hotCountMax)
    this.#hotBytesMax = Math.min(bytesMax, limits.hotBytesMax)
    this.#coldCountMax = Math.min(countMax, limits.coldCountMax)
    this.#coldBytesMax = Math.min(bytesMax, limits.coldBytesMax)
  }

  /** Adds one message; false when the batch is full or the message is not in memory. */
  #take(physicalOffset: number, bytes: number, request: ReadRequest): boolean {
    if (this.count === 1) this.#noteLimits(request)
    if (this.count > 0 && !this.#hasRoom(physicalOffset, bytes)) return false
    const { slices } = this
    const { count, bytes: bytesBefore } = slices
    const endBefore = slices.ends[count - 1] ?? 0
    if (!this.#log.locate(physicalOffset, bytes, slices)) {
      this.#load ??= () => this.#log.load(physicalOffset, bytes)
      return false
    }
    if (request.filter?.matchesRecord && !this.#lastPasses(request.filter, bytes))
      slices.cutTo(count, endBefore, bytesBefore)
    else this.count++
    return true
  }

  /** Whether a message that is not the first one still fits; messages far from the end of the log have limits of their own. */
  #hasRoom(physicalOffset: number, bytes: number): boolean {
    const isHot = physicalOffset >= this.#hotFrom
    const countMax = isHot ? this.#hotCountMax : this.#coldCountMax
    const bytesMax = isHot ? this.#hotBytesMax : this.#coldBytesMax
    return this.count < countMax && this.slices.bytes + bytes <= bytesMax
  }

  /** Whether the filter lets the record that was added last pass. */
  #lastPasses(filter: MessageFilter, bytes: number): boolean {
    const { slices } = this
    const last = slices.count - 1
    const [buffer, end] = [slices.buffers[last], slices.ends[last]]
    if (buffer && end !== undefined && slices.isLastWhole(bytes))
      return filter.matchesRecord?.(buffer, end - bytes, end) ?? true
    return filter.matchesRecord?.(slices.copyOfLast(bytes), 0, bytes) ?? true
  }

  #wantEntries(queue: ConsumeQueue, offset: number): void {
    this.#load ??= () => this.#queues.load(queue, offset)
  }

  /** What was found so far is a full answer: what is missing is loaded for the next one only when nothing was found. */
  #finish(offset: number): void {
    this.nextBeginOffset = offset
    if (this.count > 0) return
    this.status = this.#load ? 'loading' : 'NO_MATCHED_MESSAGE'
  }
}
