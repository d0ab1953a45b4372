import type { BrokerConsumeStats, ConsumeStats, OffsetWrapper } from '../protocol/consume-stats.ts'
import type { QueueTimeSpan } from '../protocol/consume-time-span.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import type { Broker } from './broker.ts'
import type { QueueOffsets } from './consumer-offsets.ts'
import { subscriptionOf } from './learned-subscription.ts'
import { storedMsAt } from './stored-time.ts'
import type { Topic } from './topic-table.ts'
import { WorkSlices } from './work-slices.ts'

/** Above all offsets: says that a group need not be corrected (RocketMQ answers Java's Long.MAX_VALUE). */
const OFFSET_INFINITE = 9_223_372_036_854_775_807n

/** How far groups are (protocol/requests.md §7). Answers that walk many queues let others run in between. */
export class ConsumeProgress {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * How far one group is.
   * @param topics those asked for, whatever the group subscribes to; empty: `topic`, or all in which it has
   * offsets
   */
  async ofGroup(group: string, topics: readonly string[], topic: string | undefined): Promise<ConsumeStats> {
    const slices = this.#slices()
    const asked = topic === undefined ? this.#broker.offsets.topicsOf(group) : [topic]
    const wanted = topics.length > 0 ? topics : asked.filter((name) => this.#isSubscribed(group, name))
    const offsetTable = new Map<MessageQueue, OffsetWrapper>()
    let consumeTps = 0
    for (const name of new Set(wanted)) {
      const known = this.#broker.topics.get(name)
      if (!known) continue
      const offsets = this.#broker.offsets.find(group, name)
      await this.#addQueues(offsetTable, slices, known, offsets, known.config.readQueueNums)
      consumeTps += offsets?.gets.tps(this.#broker.host.clock.monoMs()) ?? 0
    }
    return { offsetTable, consumeTps }
  }

  /** How far all groups are. @param isOrderOnly only in ordered topics */
  async ofBroker(isOrderOnly: boolean): Promise<BrokerConsumeStats> {
    const { groups, host, offsets, settings } = this.#broker
    const slices = this.#slices()
    const consumeStats = new Map<string, ConsumeStats[]>(groups.all().map(({ groupName }) => [groupName, []]))
    for (const each of [...offsets.all()]) {
      const topic = this.#broker.topics.get(each.topic)
      const ofGroup = consumeStats.get(each.group)
      if (!topic || !ofGroup || each.offsets.length === 0 || (isOrderOnly && !topic.config.order)) continue
      if (!this.#isSubscribed(each.group, each.topic)) continue
      const offsetTable = new Map<MessageQueue, OffsetWrapper>()
      await this.#addQueues(offsetTable, slices, topic, each, topic.config.writeQueueNums)
      ofGroup.push({ offsetTable, consumeTps: each.gets.tps(host.clock.monoMs()) })
    }
    const queues = [...consumeStats.values()].flat().flatMap(({ offsetTable }) => [...offsetTable.values()])
    const { advertised } = settings
    return {
      brokerAddr: `${advertised.host}:${advertised.port}`,
      totalDiff: queues.reduce(
        (sum, { brokerOffset, consumerOffset }) => sum + brokerOffset - consumerOffset,
        0,
      ),
      totalInflightDiff: queues.reduce(
        (sum, { consumerOffset, pullOffset }) => sum + pullOffset - consumerOffset,
        0,
      ),
      consumeStats,
    }
  }

  /**
   * How old the messages of a topic's queues are, and how far behind a group is. @throws MqError
   * topicNotExist
   */
  async timeSpans(group: string, topic: string): Promise<QueueTimeSpan[]> {
    const slices = this.#slices()
    const { config } = this.#broker.topics.require(topic)
    const spans: QueueTimeSpan[] = []
    for (let queueId = 0; queueId < config.writeQueueNums; queueId++) {
      if (slices.isDue()) await slices.pause()
      spans.push(this.#timeSpan(group, { topic, brokerName: this.#broker.settings.brokerName, queueId }))
    }
    return spans
  }

  /**
   * The smallest offset of all groups in each queue of a topic, for a group that is to go back to it;
   * `OFFSET_INFINITE` where that group is behind it already.
   * @param passedOver groups that do not count
   */
  corrections(
    topic: string,
    compareGroup: string,
    passedOver: ReadonlySet<string>,
  ): Map<number, number | bigint> {
    const compared = this.#broker.offsets.find(compareGroup, topic)
    const corrections = new Map<number, number | bigint>()
    for (const [queueId, offset] of this.#smallestOffsets(topic, passedOver)) {
      const isBehind = offset > (compared?.get(queueId) ?? offset)
      corrections.set(queueId, isBehind ? OFFSET_INFINITE : offset)
    }
    return corrections
  }

  /**
   * Gives a group the offsets of another.
   * @param topic undefined: in all topics in which the other has offsets
   * @param isOffline whether topics count that the other does not subscribe to now
   * @throws MqError groupNotExist, invalidParameter when the group to be given them may not be made
   */
  clone(source: string, target: string, topic: string | undefined, isOffline: boolean): void {
    const { groups, offsetChanges, offsets, topics } = this.#broker
    groups.forUse(target)
    for (const name of topic === undefined ? offsets.topicsOf(source) : [topic]) {
      const from = offsets.find(source, name)
      if (!from || !topics.get(name) || (!isOffline && !this.#isSubscribed(source, name))) continue
      const to = offsets.of(target, name)
      const moves = [...from.offsets.keys()]
        .map((queueId) => ({ queueId, before: to.get(queueId), after: from.get(queueId) }))
        .filter(({ before, after }) => after !== undefined && after !== before)
      offsetChanges.note({ kind: 'clone', group: target, topic: name, moves })
      for (const { queueId, after = 0 } of moves) to.commit(queueId, after)
    }
  }

  /** Offsets before the queue's first message do not count. */
  #smallestOffsets(topic: string, passedOver: ReadonlySet<string>): Map<number, number> {
    const { offsets, queries } = this.#broker
    const smallest = new Map<number, number>()
    for (const each of offsets.all()) {
      if (each.topic !== topic || passedOver.has(each.group)) continue
      for (const queueId of each.offsets.keys()) {
        const offset = each.get(queueId)
        if (offset === undefined || offset < queries.min({ topic, queueId })) continue
        smallest.set(queueId, Math.min(offset, smallest.get(queueId) ?? offset))
      }
    }
    return smallest
  }

  /** Whether a group subscribes to a topic, as far as anyone of it is here to say. */
  #isSubscribed(group: string, topic: string): boolean {
    const online = this.#broker.clients.consumerGroup(group)
    if (online === undefined || online.subscriptions.size === 0) return true
    return subscriptionOf(this.#broker, group, topic) !== undefined
  }

  async #addQueues(
    table: Map<MessageQueue, OffsetWrapper>,
    slices: WorkSlices,
    { name }: Topic,
    offsets: QueueOffsets | undefined,
    queueNums: number,
  ): Promise<void> {
    const { brokerName } = this.#broker.settings
    for (let queueId = 0; queueId < queueNums; queueId++) {
      if (slices.isDue()) await slices.pause()
      const queue = { topic: name, brokerName, queueId }
      table.set(queue, this.#wrapper(queue, offsets))
    }
  }

  #wrapper(queue: MessageQueue, offsets: QueueOffsets | undefined): OffsetWrapper {
    const { queries, store } = this.#broker
    const brokerOffset = queries.max(queue)
    const consumerOffset = offsets?.get(queue.queueId) ?? 0
    const pulled = Math.min(offsets?.pulled(queue.queueId) ?? 0, brokerOffset)
    return {
      brokerOffset,
      consumerOffset,
      pullOffset: Math.max(consumerOffset, pulled),
      lastTimestamp: storedMsAt(store, queue, consumerOffset - 1) ?? 0,
    }
  }

  #timeSpan(group: string, messageQueue: MessageQueue): QueueTimeSpan {
    const { host, offsets, queries, store } = this.#broker
    const minTimeStamp = queries.earliestStoredMs(messageQueue)
    const maxOffset = queries.max(messageQueue)
    const next =
      offsets.find(group, messageQueue.topic)?.get(messageQueue.queueId) ?? queries.min(messageQueue)
    const nextMs = next < maxOffset ? storedMsAt(store, messageQueue, next) : undefined
    return {
      messageQueue,
      minTimeStamp,
      maxTimeStamp: storedMsAt(store, messageQueue, maxOffset - 1) ?? -1,
      consumeTimeStamp: storedMsAt(store, messageQueue, next - 1) ?? minTimeStamp,
      delayTime: nextMs === undefined ? 0 : host.clock.nowMs() - nextMs,
    }
  }

  #slices(): WorkSlices {
    return new WorkSlices(this.#broker.host.clock)
  }
}
