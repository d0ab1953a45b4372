import { MqError } from '../base/errors.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { ConsumerOffsets } from './consumer-offsets.ts'
import type { SubscriptionGroupTable } from './subscription-group-table.ts'
import type { TopicTable } from './topic-table.ts'

/** A queue of a topic as requests name it. */
export interface QueueName {
  readonly topic: string
  readonly queueId: number
}

/** What clients and tools ask and say about offsets (protocol/requests.md §5). */
export class OffsetQueries {
  readonly #store: MessageStore
  readonly #topics: TopicTable
  readonly #groups: SubscriptionGroupTable
  readonly #offsets: ConsumerOffsets

  constructor(parts: {
    store: MessageStore
    topics: TopicTable
    groups: SubscriptionGroupTable
    offsets: ConsumerOffsets
  }) {
    this.#store = parts.store
    this.#topics = parts.topics
    this.#groups = parts.groups
    this.#offsets = parts.offsets
  }

  /** Offset behind the last message; 0 for a queue that never had one. */
  max({ topic, queueId }: QueueName): number {
    return this.#store.queues.existing(topic, queueId)?.maxOffset ?? 0
  }

  min({ topic, queueId }: QueueName): number {
    return this.#store.queues.existing(topic, queueId)?.minOffset ?? 0
  }

  /** The first offset stored at or after a time, or the last at or before it; see `MessageStore.offsetByTime`. */
  byTime({ topic, queueId }: QueueName, timestampMs: number, boundary: 'LOWER' | 'UPPER'): number {
    const queue = this.#store.queues.existing(topic, queueId)
    return queue ? this.#store.offsetByTime(queue, timestampMs, boundary) : 0
  }

  /** Store time of a queue's oldest message; -1 when it has none. */
  earliestStoredMs({ topic, queueId }: QueueName): number {
    const queue = this.#store.queues.existing(topic, queueId)
    const entry = queue?.entrySync(queue.minOffset)
    return (entry && this.#store.storedMsOf(entry)) ?? -1
  }

  /**
   * Where a group is in a queue.
   * @param isZeroAllowed whether a group that is nowhere yet may begin at 0 of a young queue
   * @throws MqError notFound when it is nowhere: the client decides by its own settings
   */
  consumerOffset(group: string, { topic, queueId }: QueueName, isZeroAllowed: boolean): number {
    const offset = this.#offsets.find(group, topic)?.get(queueId)
    if (offset !== undefined) return offset
    if (isZeroAllowed && this.isYoung({ topic, queueId })) return 0
    throw new MqError('notFound', `group ${group} has no offset in queue ${queueId} of topic ${topic}`)
  }

  /**
   * Takes a group's offset in a queue.
   * @throws MqError groupNotExist, topicNotExist, invalidParameter
   */
  commit(group: string, { topic, queueId }: QueueName, offset: number): void {
    if (!this.#groups.get(group))
      throw new MqError('groupNotExist', `subscription group ${group} does not exist`)
    const { config, queues } = this.#topics.require(topic)
    if (queueId < 0 || queueId >= Math.max(config.readQueueNums, config.writeQueueNums)) {
      throw new MqError(
        'invalidParameter',
        `queueId ${queueId} of topic ${topic}: it has ${config.readQueueNums} to read`,
      )
    }
    const max = this.#store.queues.queue(queues, queueId).maxOffset
    if (offset < 0 || offset > max) {
      throw new MqError(
        'invalidParameter',
        `commitOffset ${offset} of queue ${queueId} of topic ${topic}, whose end is ${max}`,
      )
    }
    if (this.#offsets.hasReset(group, topic, queueId)) return
    this.#offsets.of(group, topic).commit(queueId, offset)
  }

  /** Whether the queue's first message is there and still in memory: a new group then begins with it (protocol/pitfalls.md 7). */
  isYoung({ topic, queueId }: QueueName): boolean {
    const queue = this.#store.queues.existing(topic, queueId)
    if (!queue || queue.maxOffset === 0 || queue.minOffset > 0) return false
    const entry = queue.entrySync(0)
    const { hotDistanceBytes } = this.#store.settings.readLimits
    return entry !== undefined && this.#store.confirmedEnd - entry.physicalOffset <= hotDistanceBytes
  }
}
