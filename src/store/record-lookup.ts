import { int32At, int64At } from '../protocol/big-endian.ts'
import { RecordMagic } from '../protocol/record-draft.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import type { LogHoles } from './log-holes.ts'
import type { LogReader } from './log-reader.ts'
import type { QueueEntry } from './queue-entry.ts'

/** Which of two offsets around a time is meant (RocketMQ's BoundaryType). */
export type TimeBoundary = 'LOWER' | 'UPPER'

/** Bytes of a record up to and with its store time, IPv6 hosts included. */
const HEAD_BYTES = 80

/** Single records of the log, found by offset or time: rare questions, answered on the event loop. */
export class RecordLookup {
  readonly #log: CommitLog
  readonly #holes: LogHoles
  readonly #reader: LogReader
  readonly #confirmedEnd: () => number
  readonly #scan = new RecordScan()

  constructor(parts: { log: CommitLog; holes: LogHoles; reader: LogReader; confirmedEnd: () => number }) {
    this.#log = parts.log
    this.#holes = parts.holes
    this.#reader = parts.reader
    this.#confirmedEnd = parts.confirmedEnd
  }

  /**
   * The record that begins at this offset of the log.
   * @returns undefined when none begins there, or it may not be read yet
   */
  recordAt(physicalOffset: number): Buffer | undefined {
    const end = this.#confirmedEnd()
    if (physicalOffset < this.#log.minOffset || physicalOffset + 8 > end) return undefined
    const head = this.#reader.readSync(physicalOffset, 8)
    const bytes = int32At(head, 0)
    const magic = int32At(head, 4)
    // the offset may come from a client: nothing is read for a length that stands in the middle of a record
    if (magic !== RecordMagic.V1 && magic !== RecordMagic.V2) return undefined
    if (bytes <= 0 || bytes > this.#log.files.fileBytes || physicalOffset + bytes > end) return undefined
    const record = this.#reader.readSync(physicalOffset, bytes)
    return this.#scan.read(record, 0, record.length, physicalOffset) === 'message' ? record : undefined
  }

  /** Store time of the record that a queue entry points to; undefined when the log does not hold it. */
  storedMsOf(entry: QueueEntry): number | undefined {
    const { physicalOffset, bytes } = entry
    if (physicalOffset < this.#log.minOffset || physicalOffset + bytes > this.#log.writtenEnd)
      return undefined
    const hole = this.#holes.around(physicalOffset)
    // of one that was lost no more is known than that it is older than what stands behind the hole
    if (hole) return this.#storedMsBehind(hole.end)
    return storedMsIn(this.#reader.readSync(physicalOffset, Math.min(bytes, HEAD_BYTES)))
  }

  #storedMsBehind(offset: number): number | undefined {
    const record = this.recordAt(offset)
    return record && storedMsIn(record)
  }

  /** Store time of the oldest record; undefined when there is none. */
  earliestStoredMs(): number | undefined {
    const record = this.recordAt(this.#log.minOffset)
    return record && storedMsIn(record)
  }

  /** See `MessageStore.offsetByTime`. */
  offsetByTime(queue: ConsumeQueue, timestampMs: number, boundary: TimeBoundary): number {
    if (boundary === 'LOWER') return this.#firstStored(queue, (storedMs) => storedMs >= timestampMs)
    const last = this.#firstStored(queue, (storedMs) => storedMs > timestampMs) - 1
    const isBeforeAll = last < queue.minOffset && queue.minOffset < queue.maxOffset
    return isBeforeAll ? 0 : Math.max(last, 0)
  }

  /** Whether the log has, at `physicalOffset`, the record of this queue with this queue offset. */
  holds(queue: ConsumeQueue, queueOffset: number, physicalOffset: number, bytes: number): boolean {
    // an entry of an expired record cannot be held against anything: it is believed
    if (physicalOffset < this.#log.minOffset || this.#holes.has(physicalOffset)) return true
    if (physicalOffset + bytes > this.#log.writtenEnd || bytes > this.#log.files.fileBytes) return false
    const record = this.#reader.readSync(physicalOffset, bytes)
    const scan = this.#scan
    return (
      scan.read(record, 0, bytes, physicalOffset) === 'message' &&
      scan.queueId === queue.queueId &&
      scan.queueOffset === queueOffset &&
      scan.topic === queue.topic
    )
  }

  /** Store times never fall along a queue, whatever the wall clock did. */
  #firstStored(queue: ConsumeQueue, fulfils: (storedMs: number) => boolean): number {
    return queue.firstWhere((entry) => {
      const storedMs = this.storedMsOf(entry)
      return storedMs !== undefined && fulfils(storedMs)
    })
  }
}

function storedMsIn(record: Buffer): number {
  const hasIpv6Born = (int32At(record, 36) & 0x10) !== 0
  return int64At(record, hasIpv6Born ? 68 : 56)
}
