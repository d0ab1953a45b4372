import type { Clock, Disk, Logger } from '../base/host.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import { type CutReport, copyTail } from './cut-tail.ts'
import { IndexKeys } from './index-keys.ts'
import type { IndexService } from './index-service.ts'
import { LogWalk } from './log-walk.ts'
import type { Positions } from './positions.ts'
import type { TagsCode } from './tags-code.ts'

/** What the start found and did. */
export interface RecoveryReport {
  readonly wasCleanStop: boolean
  /** Offset from which on records were checked and dispatched again. */
  readonly scannedFrom: number
  readonly scannedRecords: number
  /** End of the log. */
  readonly end: number
  readonly cut: CutReport | undefined
}

export interface RecoveryParts {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly log: CommitLog
  readonly queues: ConsumeQueueTable
  readonly index: IndexService | undefined
  readonly tagsCode: TagsCode
  /** Positions of the store's own, if it has any that are whole. */
  readonly positions: Positions | undefined
  /** Whether the last process stopped cleanly: no `abort` file. */
  readonly wasCleanStop: boolean
  /** Folder for what is cut. */
  readonly cutDir: string
  /** The end of the log that queues may point up to while recovery goes on. */
  readonly confirm: (end: number, lastStoreMs: number) => void
}

/** Thrown when a queue lacks entries that the log still has: everything is built again. */
class QueueGap extends Error {}

/**
 * Makes log, queues and index agree after any kind of stop (protocol/storage.md §6, rules R1 to R5). The log is the truth: from
 * the last position that is known to be durable everywhere, every record is checked and dispatched again; what is there
 * already is passed over. The log ends at its first bad record; what stands behind is copied aside, reported and zeroed.
 * Doing this twice, or being cut while doing it, ends in the same state.
 */
export function recover(parts: RecoveryParts): RecoveryReport {
  const { log, positions } = parts
  const first = firstOffset(parts)
  parts.index?.open(positions?.index, !parts.wasCleanStop)
  try {
    return scanFrom(parts, first)
  } catch (error) {
    if (!(error instanceof QueueGap)) throw error
    parts.logger.warn(
      { reason: error.message },
      'queues lack entries: they are built again from the whole log',
    )
    parts.queues.clear()
    return scanFrom(parts, log.files.firstOffset)
  }
}

/** The offset of a record from which on something may be missing somewhere. */
function firstOffset(parts: RecoveryParts): number {
  const { files } = parts.log
  const { positions } = parts
  if (positions) {
    const isInLog = positions.dispatched >= files.firstOffset && positions.dispatched <= files.endOffset
    return isInLog ? positions.dispatched : files.firstOffset
  }
  if (!parts.wasCleanStop || parts.queues.topicsOnDisk().length === 0) return files.firstOffset
  // a store that RocketMQ closed: all is dispatched, and the last three files are checked, as RocketMQ does
  return files.starts.at(-3) ?? files.firstOffset
}

function scanFrom(parts: RecoveryParts, from: number): RecoveryReport {
  const { log, index } = parts
  const isWholeLog = from === log.files.firstOffset
  const indexFrom = index?.nextOffset ?? 0
  if (index && indexFrom < from) indexOlder(parts, indexFrom, from)
  const redo = new Redispatch(parts, isWholeLog)
  // queues may point to records that are not checked yet: believed as far as the log agrees
  log.open(log.files.endOffset, from)
  parts.confirm(log.files.endOffset, parts.positions?.lastStoreTimestampMs ?? 0)
  const walk = new LogWalk(log.files, from)
  while (walk.next()) {
    redo.queue(walk.record)
    if (walk.record.physicalOffset >= indexFrom) redo.index(walk.record)
  }
  const cut = copyTail({ ...parts, files: log.files, dir: parts.cutDir }, walk.end, walk.reason)
  if (cut) parts.logger.error(cut, 'the log was cut at its first bad record; what stood behind is kept aside')
  if (walk.end < log.files.endOffset) log.files.truncate(walk.end)
  const lastStoreMs = Math.max(redo.lastStoreMs, parts.positions?.lastStoreTimestampMs ?? 0)
  log.open(walk.end, from)
  parts.confirm(walk.end, lastStoreMs)
  return {
    wasCleanStop: parts.wasCleanStop,
    scannedFrom: from,
    scannedRecords: walk.recordCount,
    end: walk.end,
    cut,
  }
}

/** Indexes records that the queues have and the index lacks. */
function indexOlder(parts: RecoveryParts, indexFrom: number, end: number): void {
  const { files } = parts.log
  const redo = new Redispatch(parts, false)
  const walk = new LogWalk(files, Math.max(files.startOf(indexFrom), files.firstOffset))
  while (walk.end < end && walk.next()) if (walk.record.physicalOffset >= indexFrom) redo.index(walk.record)
}

/** Dispatches records again. */
class Redispatch {
  lastStoreMs = 0
  readonly #parts: RecoveryParts
  readonly #isWholeLog: boolean
  readonly #properties = new PropertyScan()
  readonly #keys = new IndexKeys()
  #topicName = ''
  #topic = Buffer.alloc(0)

  constructor(parts: RecoveryParts, isWholeLog: boolean) {
    this.#parts = parts
    this.#isWholeLog = isWholeLog
  }

  queue(record: RecordScan): void {
    this.lastStoreMs = record.storeTimestampMs
    const transaction = record.sysFlag & 0xc
    if (transaction === 4 || transaction === 12) return
    const { queues } = this.#parts
    const topic = queues.topic(this.#topicOf(record))
    const queue = queues.queue(topic, record.queueId)
    const { queueOffset } = record
    if (queueOffset > queue.maxOffset && !this.#isWholeLog) {
      throw new QueueGap(`${topic.topic}/${record.queueId} ends at ${queue.maxOffset}, before ${queueOffset}`)
    }
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    const tagsCode = this.#parts.tagsCode.of(topic.topic, this.#properties, record.storeTimestampMs)
    if (queue.appendAgain(queueOffset, record.physicalOffset, record.bytes, tagsCode)) queues.markDirty(queue)
    queue.lastStoreTimestampMs = record.storeTimestampMs
  }

  index(record: RecordScan): void {
    const { index, queues } = this.#parts
    if (!index || (record.sysFlag & 0xc) === 12) return
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    this.#keys.collect(queues.topic(this.#topicOf(record)).keyHash, this.#properties)
    index.put(this.#keys.hashes, 0, this.#keys.count, record.physicalOffset, record.storeTimestampMs)
  }

  /** The topic's name; mostly that of the record before, so that no string is made. */
  #topicOf(record: RecordScan): string {
    if (this.#topic.compare(record.buffer, record.topicAt, record.topicEnd) !== 0) {
      this.#topicName = record.topic
      this.#topic = Buffer.from(this.#topicName)
    }
    return this.#topicName
  }
}
