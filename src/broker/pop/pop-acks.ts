import { MqError } from '../../base/errors.ts'
import type { Clock } from '../../base/host.ts'
import type { BatchAck } from '../../protocol/batch-ack.ts'
import { ORDER_REVIVE_QUEUE_ID, popTopicOf } from '../../protocol/pop-handle.ts'
import type { BrokerStats } from '../broker-stats.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { OffsetQueries } from '../offset-queries.ts'
import type { TopicTable } from '../topic-table.ts'
import { CheckPoint } from './check-point.ts'
import type { InFlight } from './in-flight.ts'
import type { OrderedQueue, PopOrder } from './pop-order.ts'
import type { ReviveLog } from './revive-log.ts'

/** A popped message as its holder names it. */
export interface HeldMessage {
  readonly group: string
  /** The topic in which it stands: a retry topic, if it came from one. */
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
  /** Of its handle. */
  readonly popTimeMs: number
  readonly reviveQueueId: number
}

/** A handle's new parts. */
export interface ChangedHandle {
  readonly popTimeMs: number
  readonly invisibleMs: number
  readonly reviveQueueId: number
}

interface Parts {
  readonly clock: Clock
  readonly topics: TopicTable
  readonly offsets: ConsumerOffsets
  readonly stats: BrokerStats
  readonly queries: OffsetQueries
  readonly inFlight: InFlight
  readonly order: PopOrder
  readonly reviveLog: ReviveLog
  /** Somebody may pop from an ordered queue again. */
  readonly onFree: (queue: OrderedQueue) => void
  /** Deadlines have changed. */
  readonly onChanged: (queue?: OrderedQueue) => void
}

/** Hears whether what was asked for is stored. */
export type AckDone = (isStored: boolean) => void

/**
 * What holders of popped messages say: done, or more time. Words with the handle of an earlier pop count for nothing, and are answered
 * like others, as RocketMQ does: the message is somebody else's by now.
 */
export class PopAcks {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Acknowledges a message.
   * @throws MqError topicNotExist, messageIllegal, noMessage
   */
  ack(message: HeldMessage, done: AckDone): void {
    const { min, max } = this.#check(message)
    const { queueId, queueOffset, topic } = message
    if (queueOffset < min || queueOffset > max) {
      throw new MqError(
        'noMessage',
        `offset ${queueOffset} of queue ${queueId} of topic ${topic}: it has ${min} to ${max}`,
      )
    }
    this.#ack(message, done)
  }

  /** Acknowledges messages of several pops; offsets that are nowhere are passed over. @throws MqError invalidParameter */
  ackAll(acks: readonly BatchAck[], done: AckDone): void {
    const messages = acks.flatMap((ack) => this.#messagesOf(ack))
    let waiting = 1
    let isStored = true
    const one: AckDone = (isOneStored) => {
      isStored &&= isOneStored
      waiting--
      if (waiting === 0) done(isStored)
    }
    for (const message of messages) {
      waiting++
      this.#ack(message, one)
    }
    one(true)
  }

  /**
   * Gives a holder more time, or less: the message is delivered again after it, unless it is acknowledged with the new handle.
   * @param done hears the handle's new parts; undefined when the log has not taken it
   * @throws MqError topicNotExist, messageIllegal, noMessage, notWritable, busy
   */
  changeInvisible(
    message: HeldMessage,
    invisibleMs: number,
    done: (handle: ChangedHandle | undefined) => void,
  ): void {
    const { min, max } = this.#check(message)
    const { queueOffset, reviveQueueId } = message
    if (queueOffset < min || queueOffset >= max) {
      throw new MqError(
        'noMessage',
        `offset ${queueOffset} of topic ${message.topic}: it has ${min} to ${max}`,
      )
    }
    const nowMs = this.#parts.clock.nowMs()
    if (reviveQueueId === ORDER_REVIVE_QUEUE_ID) {
      done(this.#changeOrdered(message, nowMs + invisibleMs))
      return
    }
    const handle = { popTimeMs: nowMs, invisibleMs, reviveQueueId }
    this.#count(message)
    const point = this.#holder(message)
    if (point) this.#change(point, queueOffset, handle, done)
    else done(handle)
  }

  #ack(message: HeldMessage, done: AckDone): void {
    this.#count(message)
    if (message.reviveQueueId === ORDER_REVIVE_QUEUE_ID) {
      this.#ackOrdered(message)
      done(true)
      return
    }
    const { queueOffset } = message
    const point = this.#holder(message)
    if (!point?.settle(queueOffset)) done(true)
    else this.#settle(point, queueOffset, done)
  }

  #settle(point: CheckPoint, queueOffset: number, done: AckDone): void {
    const { inFlight, onChanged, reviveLog } = this.#parts
    reviveLog.settle(point, queueOffset, (isStored) => {
      if (isStored) inFlight.settled(point, queueOffset)
      else {
        point.reopen(queueOffset)
        inFlight.postpone(point, point.dueMs)
        onChanged()
      }
      done(isStored)
    })
  }

  #change(
    from: CheckPoint,
    queueOffset: number,
    handle: ChangedHandle,
    done: (handle: ChangedHandle | undefined) => void,
  ): void {
    const { inFlight, onChanged, reviveLog, stats } = this.#parts
    const { invisibleMs, popTimeMs } = handle
    const taken = { startOffset: queueOffset, queueOffsets: [queueOffset], popTimeMs, invisibleMs }
    const point = new CheckPoint(from.queue, taken)
    reviveLog.putPoint(point, (isStored, reviveOffset) => {
      from.changeCount--
      if (isStored) {
        if (!inFlight.change(point, queueOffset, reviveOffset))
          this.#settle(point, queueOffset, () => undefined)
        onChanged()
      }
      done(isStored ? handle : undefined)
    })
    stats.checkPointed(from.queue.offsets)
    from.changeCount++
  }

  /** As RocketMQ does, also where the message is somebody else's by now. */
  #count({ group, topic }: HeldMessage): void {
    const offsets = this.#parts.offsets.find(group, topic)
    if (offsets) this.#parts.stats.acked(offsets)
  }

  /** @throws MqError messageIllegal when the last pop did not take the message */
  #ackOrdered(message: HeldMessage): void {
    const { clock, offsets, onChanged, onFree, order } = this.#parts
    const { group, popTimeMs, queueId, queueOffset, topic } = message
    const groupOffsets = offsets.of(group, topic)
    if (queueOffset < (groupOffsets.get(queueId) ?? 0)) return
    const next = order.ack(message, queueOffset, popTimeMs)
    if (next === 'unknown') {
      throw new MqError(
        'messageIllegal',
        `offset ${queueOffset} of queue ${queueId} of topic ${topic} was not popped last`,
      )
    }
    if (next === 'stale') return
    if (!offsets.hasReset(group, topic, queueId)) groupOffsets.commit(queueId, next)
    onChanged(message)
    if (!order.isBlocked(message, undefined, clock.nowMs())) onFree(message)
  }

  #changeOrdered(message: HeldMessage, visibleMs: number): ChangedHandle {
    const { offsets, onChanged, order } = this.#parts
    const { group, popTimeMs, queueId, queueOffset, reviveQueueId, topic } = message
    if (queueOffset >= (offsets.find(group, topic)?.get(queueId) ?? 0)) {
      order.changeVisible(message, queueOffset, popTimeMs, visibleMs)
      onChanged(message)
    }
    return { popTimeMs, invisibleMs: visibleMs - popTimeMs, reviveQueueId }
  }

  /** The check point under which the handle's holder has the message now. */
  #holder({ group, popTimeMs, queueId, queueOffset, topic }: HeldMessage): CheckPoint | undefined {
    const { inFlight, offsets } = this.#parts
    const point = inFlight.holder(offsets.find(group, topic), queueId, queueOffset)
    return point?.popTimeMs === popTimeMs ? point : undefined
  }

  #messagesOf(ack: BatchAck): HeldMessage[] {
    const { consumerGroup: group, origin, popTimeMs, queueId, reviveQueueId, startOffset } = ack
    const topic = popTopicOf(ack.topic, group, origin)
    const { queries, topics } = this.#parts
    if (queueId < 0 || queueId >= (topics.get(topic)?.config.readQueueNums ?? 0)) return []
    const [min, max] = [queries.min({ topic, queueId }), queries.max({ topic, queueId })]
    return ack.offsetDiffs
      .map((diff) => startOffset + diff)
      .filter((offset) => offset >= min && offset <= max)
      .map((queueOffset) => ({ group, topic, queueId, queueOffset, popTimeMs, reviveQueueId }))
  }

  #check({ queueId, topic }: HeldMessage): { min: number; max: number } {
    const { queries, topics } = this.#parts
    const { readQueueNums } = topics.require(topic).config
    if (queueId < 0 || queueId >= readQueueNums) {
      throw new MqError(
        'messageIllegal',
        `queueId ${queueId} of topic ${topic}: it has ${readQueueNums} to read`,
      )
    }
    return { min: queries.min({ topic, queueId }), max: queries.max({ topic, queueId }) }
  }
}
