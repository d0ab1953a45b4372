import { PropertyScan } from '../protocol/property-scan.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { FileSequence } from './file-sequence.ts'
import { IndexKeys } from './index-keys.ts'
import { LogWalk } from './log-walk.ts'
import type { TagsCode } from './tags-code.ts'

/** Thrown when a queue lacks entries that the log still has. */
export class QueueGap extends Error {}

const NONE_DELETED: ReadonlyMap<string, number> = new Map()
const [TRANSACTION_BITS, PREPARED, ROLLED_BACK] = [0xc, 4, 12]

/** Dispatches records once more, as they stand in the log, into queues and key index. */
export class Redispatch {
  /** Store time and offset of the last record; 0 and -1 before the first. */
  lastStoreMs = 0
  lastRecordAt = -1
  readonly #queues: ConsumeQueueTable
  readonly #tagsCode: TagsCode
  readonly #properties = new PropertyScan()
  readonly #keys = new IndexKeys()
  #topicName = ''
  #topic = Buffer.alloc(0)

  constructor(parts: { queues: ConsumeQueueTable; tagsCode: TagsCode }) {
    this.#queues = parts.queues
    this.#tagsCode = parts.tagsCode
  }

  /**
   * Into its queue.
   * @param rules `isWholeLog`: a queue may begin at any offset, none of its older records is in the log; `deletedTopics`: records below
   *   the offset noted there belong to a topic that is gone
   * @throws QueueGap
   */
  queue(
    record: RecordScan,
    rules: { isWholeLog: boolean; deletedTopics: ReadonlyMap<string, number> },
  ): void {
    this.lastStoreMs = record.storeTimestampMs
    this.lastRecordAt = record.physicalOffset
    const transaction = record.sysFlag & TRANSACTION_BITS
    if (transaction === PREPARED || transaction === ROLLED_BACK) return
    const name = this.#topicOf(record)
    if (record.physicalOffset < (rules.deletedTopics.get(name) ?? 0)) return
    const { queueOffset, physicalOffset, bytes } = record
    const queue = this.#queues.queueAt(this.#queues.topic(name), record.queueId, queueOffset)
    if (queueOffset > queue.maxOffset && !rules.isWholeLog) {
      throw new QueueGap(`${name}/${record.queueId} ends at ${queue.maxOffset}, before ${queueOffset}`)
    }
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    const tagsCode = this.#tagsCode.of(name, this.#properties, record.storeTimestampMs)
    queue.appendAgain(queueOffset, physicalOffset, bytes, tagsCode)
    queue.lastStoreTimestampMs = record.storeTimestampMs
    this.#queues.markDirty(queue)
  }

  /**
   * Into a queue, all that begins between two offsets of the log and that it lacks at its end.
   * @param range `isWholeLog`: see `queue`; what the log has of a topic that was deleted since gives way to what came in its place
   * @returns how many records
   */
  complete(
    queue: ConsumeQueue,
    files: FileSequence,
    { from, end, isWholeLog }: { from: number; end: number; isWholeLog: boolean },
  ): number {
    const before = queue.maxOffset
    const walk = new LogWalk(files, from)
    while (walk.end < end && walk.next()) {
      const { queueId, queueOffset, topic } = walk.record
      if (queueId !== queue.queueId || queueOffset < before || topic !== queue.topic) continue
      this.queue(walk.record, { isWholeLog, deletedTopics: NONE_DELETED })
    }
    return queue.maxOffset - before
  }

  /** The record's keys; good until the next call. */
  keysOf(record: RecordScan): IndexKeys {
    this.#keys.count = 0
    if ((record.sysFlag & TRANSACTION_BITS) === ROLLED_BACK) return this.#keys
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    this.#keys.collect(this.#queues.topic(this.#topicOf(record)).keyHash, this.#properties)
    return this.#keys
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
