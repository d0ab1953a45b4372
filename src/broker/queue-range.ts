import type { ConsumeQueueData, ConsumeQueueRange } from '../protocol/consume-queue-data.ts'
import type { Broker } from './broker.ts'
import { subscriptionOf } from './learned-subscription.ts'
import type { QueueName } from './offset-queries.ts'

/** Most entries of one answer. */
const ENTRIES_MAX = 4096

/** Which entries of a queue are asked for. */
interface RangeRequest {
  readonly first: number
  readonly count: number
  /** A group whose subscription is to be shown. */
  readonly group: string | undefined
}

/** Shows the entries of a ConsumeQueue as they are (QUERY_CONSUME_QUEUE). */
export class QueueRange {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** @returns undefined when the queue has never had a message here */
  read({ topic, queueId }: QueueName, { count, first, group }: RangeRequest): ConsumeQueueRange | undefined {
    const queue = this.#broker.store.queues.existing(topic, queueId)
    if (!queue) return undefined
    const queueData: ConsumeQueueData[] = []
    const end = Math.min(first + Math.min(count, ENTRIES_MAX), queue.maxOffset)
    for (let offset = Math.max(first, queue.minOffset); offset < end; offset++) {
      const entry = queue.entrySync(offset)
      if (!entry) continue
      const { bytes, physicalOffset, tagsCode } = entry
      queueData.push({
        physicOffset: physicalOffset,
        physicSize: bytes,
        tagsCode: BigInt(tagsCode),
        eval: false,
      })
    }
    return {
      ...{ queueData, minQueueIndex: queue.minOffset, maxQueueIndex: queue.maxOffset },
      ...(group !== undefined && this.#subscription(group, topic)),
    }
  }

  #subscription(group: string, topic: string): Pick<ConsumeQueueRange, 'filterData' | 'subscriptionData'> {
    const subscriptionData = subscriptionOf(this.#broker, group, topic)
    // as RocketMQ has it where a filter is by tags alone
    if (subscriptionData) return { subscriptionData, filterData: 'null' }
    return { filterData: `${group}@${topic} is not online!` }
  }
}
