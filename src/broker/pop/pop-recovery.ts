import { MqError } from '../../base/errors.ts'
import type { Logger } from '../../base/host.ts'
import { dlqTopicOf, isRetryTopic, popRetryTopicOf, popRetryTopicV2Of } from '../../protocol/names.ts'
import { decodePopAck, decodePopCheckPoint, PopTag } from '../../protocol/pop-check-point.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { CheckPoint } from './check-point.ts'
import type { InFlight } from './in-flight.ts'
import type { ReviveLog, ReviveRecord } from './revive-log.ts'

/** Reads after a start who held which popped message. */
export class PopRecovery {
  readonly #store: MessageStore
  readonly #offsets: ConsumerOffsets
  readonly #inFlight: InFlight
  readonly #reviveLog: ReviveLog
  readonly #log: Logger
  readonly #record = new RecordScan()
  readonly #origin = new RecordScan()

  constructor(parts: {
    store: MessageStore
    offsets: ConsumerOffsets
    inFlight: InFlight
    reviveLog: ReviveLog
    log: Logger
  }) {
    this.#store = parts.store
    this.#offsets = parts.offsets
    this.#inFlight = parts.inFlight
    this.#reviveLog = parts.reviveLog
    this.#log = parts.log
  }

  /** Reads the revive log from an offset on. */
  run(from: number): void {
    let count = 0
    for (const record of this.#reviveLog.records(from)) {
      this.#apply(record)
      count++
    }
    if (count === 0) return
    const copied = this.#settleCopied()
    const held = this.#inFlight.points().size
    this.#log.info({ records: count, held, copied }, 'the check points of popped messages are read')
  }

  #apply(record: ReviveRecord): void {
    try {
      if (record.tag === PopTag.CHECK_POINT) this.#applyPoint(record)
      else if (record.tag === PopTag.ACK || record.tag === PopTag.BATCH_ACK) this.#applyAck(record)
    } catch (error) {
      if (!(error instanceof MqError)) throw error
      const { reviveOffset } = record
      this.#log.error({ reviveOffset, reason: error.message }, 'a record of the revive log cannot be read')
    }
  }

  #applyPoint({ body, reviveOffset }: ReviveRecord): void {
    const { group, topic, queueId, ...given } = decodePopCheckPoint(body)
    const offsets = this.#offsets.find(group, topic)
    if (offsets) this.#inFlight.restore(this.#inFlight.queue(offsets, queueId), given, reviveOffset)
  }

  #applyAck({ body }: ReviveRecord): void {
    const { group, popTimeMs, queueId, queueOffsets, topic } = decodePopAck(body)
    const offsets = this.#offsets.find(group, topic)
    if (!offsets) return
    const queue = this.#inFlight.queue(offsets, queueId)
    for (const offset of queueOffsets) this.#inFlight.restoreSettled(queue, offset, popTimeMs)
  }

  /**
   * Copies are followed by the word of them in the same turn. Where a kill has cut what that turn wrote, copies may stand there without
   * it, with other records of the revive log behind them: the word is given now, so that the messages are not delivered twice.
   */
  #settleCopied(): number {
    let count = 0
    let oldest = Number.POSITIVE_INFINITY
    const topics = new Map<string, string>()
    for (const point of this.#inFlight.points()) {
      const { group, topic } = point
      oldest = Math.min(oldest, this.#placeOf(point))
      topics.set(dlqTopicOf(group), group)
      if (isRetryTopic(topic)) topics.set(topic, group)
      else topics.set(popRetryTopicOf(group, topic), group).set(popRetryTopicV2Of(group, topic), group)
    }
    for (const [topic, group] of topics) count += this.#settleCopiedTo(topic, group, oldest)
    return count
  }

  /** @param oldest where the log has the oldest check point that is open: copies of what it holds stand behind it */
  #settleCopiedTo(topic: string, group: string, oldest: number): number {
    const queue = this.#store.queues.existing(topic, 0)
    let count = 0
    for (let offset = (queue?.maxOffset ?? 0) - 1; queue && offset >= queue.minOffset; offset--) {
      const entry = queue.entrySync(offset)
      if (!entry || entry.physicalOffset < oldest) break
      const point = this.#originOf(entry.physicalOffset, group)
      // one that stands before was made for an earlier pop of the same message
      if (!point || entry.physicalOffset < this.#placeOf(point)) continue
      const { queueOffset } = this.#origin
      point.settle(queueOffset)
      this.#reviveLog.settle(point, queueOffset, (isStored) => {
        if (isStored) this.#inFlight.settled(point, queueOffset)
      })
      count++
    }
    return count
  }

  /** Where the log has a check point. */
  #placeOf({ reviveOffset }: CheckPoint): number {
    return this.#reviveLog.existing?.entrySync(reviveOffset)?.physicalOffset ?? 0
  }

  /** The check point that holds the record of which the one at this place is a copy; `#origin` is that record then. */
  #originOf(physicalOffset: number, group: string): CheckPoint | undefined {
    if (!this.#read(this.#record, physicalOffset)) return undefined
    const originOffset = this.#record.preparedTransactionOffset - 1
    if (originOffset < 0 || !this.#read(this.#origin, originOffset)) return undefined
    const { queueId, queueOffset, topic } = this.#origin
    return this.#inFlight.holder(this.#offsets.find(group, topic), queueId, queueOffset)
  }

  #read(scan: RecordScan, physicalOffset: number): boolean {
    const bytes = this.#store.recordAt(physicalOffset)
    return bytes !== undefined && scan.read(bytes, 0, bytes.length, physicalOffset) === 'message'
  }
}
