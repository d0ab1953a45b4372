import type { MessageQueue } from '../protocol/message-queue.ts'
import type { LatencyFaults } from './latency-faults.ts'
import type { RouteCache } from './route-cache.ts'
import { sendTargetFields } from './send-frame.ts'
import type { TopicRoute } from './topic-route.ts'

/** A queue to send to: which broker has it, and what each request to it says. */
export interface SendTarget {
  readonly queue: MessageQueue
  /** Address of the broker's master. */
  readonly address: string
  readonly fields: Buffer
}

/** A topic as one producer sends to it: its queues in turn, past brokers that are slow or gone. */
export class PublishView {
  readonly route: TopicRoute
  readonly targets: readonly SendTarget[]
  #index: number

  /** @param start which queue comes first, so that producers do not all begin with the same */
  constructor(route: TopicRoute, routes: RouteCache, producer: { group: string; start: number }) {
    this.route = route
    this.targets = route.writeQueues.flatMap((queue) => {
      const address = routes.masterOf(queue.brokerName)
      return address === undefined
        ? []
        : [{ queue, address, fields: sendTargetFields(producer.group, queue) }]
    })
    this.#index = this.targets.length === 0 ? 0 : producer.start % this.targets.length
  }

  /**
   * The next queue.
   * @param avoided the broker that has just failed; it comes last
   */
  next(avoided: string | undefined, faults: LatencyFaults, nowMs: number): SendTarget | undefined {
    const { targets } = this
    let reserve: SendTarget | undefined
    for (let left = targets.length; left > 0; left--) {
      const target = targets[this.#index]
      this.#index = this.#index + 1 === targets.length ? 0 : this.#index + 1
      if (!target) continue
      const { brokerName } = target.queue
      if (brokerName === avoided) continue
      if (faults.isAvailable(brokerName, nowMs)) return target
      reserve ??= target
    }
    if (reserve) return reserve
    // there is no other broker
    const target = targets[this.#index]
    this.#index = this.#index + 1 >= targets.length ? 0 : this.#index + 1
    return target
  }

  /** The target that is this queue. */
  targetOf({ topic, brokerName, queueId }: MessageQueue): SendTarget | undefined {
    return this.targets.find(
      ({ queue }) => queue.queueId === queueId && queue.brokerName === brokerName && queue.topic === topic,
    )
  }
}
