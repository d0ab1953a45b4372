import { MqError } from '../base/errors.ts'
import type { Clock, Logger } from '../base/host.ts'
import { isReadable } from '../protocol/permission.ts'
import { PullSysFlag } from '../protocol/sys-flag.ts'
import type { ConsumeQueue } from '../store/consume-queue.ts'
import type { MessageFilter, ReadStatus } from '../store/message-reader.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { BrokerStats } from './broker-stats.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { ConsumerOffsets, QueueOffsets } from './consumer-offsets.ts'
import type { FilterSelection } from './filter/filter-selection.ts'
import { learnSubscription } from './learned-subscription.ts'
import type { QueueFence } from './queue-fence.ts'
import type { SubscriptionGroupTable } from './subscription-group-table.ts'
import type { Topic, TopicTable } from './topic-table.ts'

/** A pull as a door hands it in (protocol/requests.md §3). */
export interface PullRequest {
  readonly connectionId: number
  readonly group: string
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
  readonly countMax: number
  readonly bytesMax: number
  /** `PullSysFlag` bits. */
  readonly sysFlag: number
  readonly commitOffset: number
  /** The filter expression of this request, where bit SUBSCRIPTION is set. */
  readonly subscription: string | undefined
  readonly subVersion: number
  readonly expressionType: string
  /** LITE_PULL_MESSAGE rather than PULL_MESSAGE. */
  readonly isLitePull: boolean
}

/** A pull that has passed all checks: what it reads, and how. Kept while it is held. */
export interface Pull {
  readonly request: PullRequest
  readonly topic: Topic
  readonly queue: ConsumeQueue
  readonly groupSysFlag: number
  readonly filter: MessageFilter | undefined
  readonly offsets: QueueOffsets
  /** Where it reads on: behind what it has seen and its filter has not let pass. */
  queueOffset: number
}

/** What came of a pull: of its read, or that an admin has set the group's offset. */
export type PullStatus = ReadStatus | 'OFFSET_RESET'

/** Why a pull is forbidden (ForbiddenType). */
const Forbidden = { BROKER: 1, GROUP: 2, TOPIC: 3, BROADCASTING: 4, SUBSCRIPTION: 5 } as const

/** Most messages that a request may ask for at once. */
const COUNT_MAX = 65_536

/** Checks pulls and reads for them. What it found stands in the store's reader, for this turn. */
export class MessagePuller {
  readonly #settings: BrokerSettings
  readonly #clock: Clock
  readonly #store: MessageStore
  readonly #stats: BrokerStats
  readonly #topics: TopicTable
  readonly #groups: SubscriptionGroupTable
  readonly #clients: ClientRegistry
  readonly #offsets: ConsumerOffsets
  readonly #filters: FilterSelection
  readonly #fence: QueueFence
  readonly #log: Logger

  constructor(parts: {
    settings: BrokerSettings
    clock: Clock
    store: MessageStore
    stats: BrokerStats
    topics: TopicTable
    groups: SubscriptionGroupTable
    clients: ClientRegistry
    offsets: ConsumerOffsets
    filters: FilterSelection
    fence: QueueFence
    log: Logger
  }) {
    this.#settings = parts.settings
    this.#clock = parts.clock
    this.#store = parts.store
    this.#stats = parts.stats
    this.#topics = parts.topics
    this.#groups = parts.groups
    this.#clients = parts.clients
    this.#offsets = parts.offsets
    this.#filters = parts.filters
    this.#fence = parts.fence
    this.#log = parts.log
  }

  /**
   * Checks a pull, in the order of protocol/requests.md §3, and commits the offset that it carries.
   * @throws MqError noPermission, groupNotExist, topicNotExist, invalidParameter, subscription...
   */
  begin(request: PullRequest): Pull {
    const { group, queueId } = request
    if (!isReadable(this.#settings.brokerPermission))
      throw forbidden(Forbidden.BROKER, 'the broker is not readable')
    if (request.isLitePull && !this.#settings.litePullMessageEnable) {
      throw forbidden(Forbidden.BROKER, 'lite pull is forbidden (litePullMessageEnable)')
    }
    const config = this.#groups.forUse(group)
    if (!config.consumeEnable) throw forbidden(Forbidden.GROUP, `subscription group ${group} may not consume`)
    const topic = this.#topics.require(request.topic)
    if (!isReadable(topic.config.perm))
      throw forbidden(Forbidden.TOPIC, `topic ${request.topic} is not readable`)
    if (queueId < 0 || queueId >= topic.config.readQueueNums) {
      throw new MqError(
        'invalidParameter',
        `queueId ${queueId} of topic ${topic.name}: it has ${topic.config.readQueueNums} to read`,
      )
    }
    const filter = this.#filterOf(request, config.consumeBroadcastEnable)
    const queue = this.#store.queues.queue(topic.queues, queueId)
    const offsets = this.#offsets.of(group, request.topic)
    if ((request.sysFlag & PullSysFlag.SUBSCRIPTION) !== 0) {
      const { expressionType, subscription } = request
      learnSubscription(offsets, { expressionType, expression: subscription }, this.#clock)
    }
    this.#commit(request, queue, offsets)
    offsets.notePull(queueId, request.queueOffset)
    return {
      request,
      topic,
      queue,
      groupSysFlag: config.groupSysFlag,
      filter,
      offsets,
      queueOffset: request.queueOffset,
    }
  }

  /** Reads for a pull; messages and offsets stand in `reader`. */
  read(pull: Pull): PullStatus {
    const { request, queue } = pull
    const { reader } = this.#store
    const reset = this.#offsets.takeReset(request.group, request.topic, request.queueId)
    if (reset !== undefined) {
      reader.minOffset = queue.minOffset
      reader.maxOffset = queue.maxOffset
      reader.nextBeginOffset = reset
      pull.offsets.forgetHandedOut(request.queueId)
      return 'OFFSET_RESET'
    }
    const status = reader.read(queue, {
      queueOffset: pull.queueOffset,
      countMax: Math.min(Math.max(request.countMax, 1), COUNT_MAX),
      bytesMax: request.bytesMax,
      filter: pull.filter,
    })
    if (status !== 'FOUND') {
      if (status === 'OFFSET_TOO_SMALL' || status === 'OFFSET_OVERFLOW_BADLY') this.#outOfRange(pull)
      return status
    }
    const { count, nextBeginOffset } = reader
    this.#stats.gotten(pull.topic, pull.offsets, request.queueId, count, reader.slices.bytes)
    const againCount = pull.offsets.handOut(request.queueId, pull.queueOffset, nextBeginOffset)
    if (againCount > 0) this.#handedOutAgain(pull, Math.min(againCount, count))
    return status
  }

  /** The client is told where the queue begins or ends; what its group has committed stays as it is. */
  #outOfRange({ offsets, queue, queueOffset, request }: Pull): void {
    offsets.outOfRangeCount++
    const { group, queueId, topic } = request
    const { maxOffset, minOffset } = queue
    this.#log.info({ group, topic, queueId, queueOffset, minOffset, maxOffset }, 'a pull is out of range')
  }

  /** Members of a group that broadcasts are all handed everything. */
  #handedOutAgain({ offsets, request }: Pull, count: number): void {
    if (!this.#clients.consumerGroup(request.group)?.isBroadcasting) offsets.againCount += count
  }

  #commit(request: PullRequest, queue: ConsumeQueue, offsets: QueueOffsets): void {
    const { commitOffset, queueId } = request
    if ((request.sysFlag & PullSysFlag.COMMIT_OFFSET) === 0) return
    if (commitOffset < 0 || commitOffset > queue.maxOffset) return
    if (!this.#fence.allows(request.group, queue, request.connectionId, commitOffset)) return
    if (this.#offsets.hasReset(request.group, request.topic, queueId)) return
    offsets.commit(queueId, commitOffset)
  }

  #filterOf(request: PullRequest, isBroadcastAllowed: boolean): MessageFilter | undefined {
    const { group, topic } = request
    if ((request.sysFlag & PullSysFlag.SUBSCRIPTION) !== 0) {
      return this.#filters.ofRequest(request.expressionType, request.subscription)
    }
    const consumers = this.#clients.consumerGroup(group)
    if (!consumers) throw new MqError('subscriptionNotExist', `group ${group} has sent no heartbeat here`)
    if (consumers.isBroadcasting && !isBroadcastAllowed) {
      throw forbidden(Forbidden.BROADCASTING, `subscription group ${group} may not consume by broadcast`)
    }
    if (!this.#groups.mayRead(group, topic)) {
      throw forbidden(Forbidden.SUBSCRIPTION, `subscription group ${group} may not read topic ${topic}`)
    }
    const subscription = consumers.subscription(topic)
    if (!subscription)
      throw new MqError('subscriptionNotExist', `group ${group} does not subscribe to topic ${topic}`)
    if (Number(subscription.subVersion) < request.subVersion) {
      throw new MqError(
        'subscriptionNotLatest',
        `the subscription of group ${group} to topic ${topic} is older than the pull's`,
      )
    }
    return this.#filters.ofSubscription(group, subscription, request.subVersion)
  }
}

function forbidden(type: number, message: string): MqError {
  return new MqError('noPermission', message, { fields: { forbiddenType: String(type) } })
}
