import { messageOf } from '../base/errors.ts'
import type { AllocateStrategy } from '../protocol/allocate-queues.ts'
import type { ConsumeMessageDirectlyResult } from '../protocol/consume-result.ts'
import type { ConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import type { ConsumerData, ConsumeType, MessageModel } from '../protocol/heartbeat-data.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import { ExpressionType } from '../protocol/subscription-data.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { Consumption } from './consumption.ts'
import type { HeartbeatMember } from './heartbeats.ts'
import type { GroupListener } from './push-handlers.ts'
import type { ReceivedMessage } from './received-message.ts'
import { type ConsumerInside, runningProperties } from './running-info.ts'
import { consumeFromWhereOf, type StartPoint, type Subscription } from './subscription.ts'
import type { TopicRoute } from './topic-route.ts'
import { Wakeup } from './wakeup.ts'

/** How long a share-out holds before it is looked at again, when nobody says anything. */
const REBALANCE_INTERVAL_MS = 20_000

/** One that could not be carried out is tried again after this long. */
const FAILED_DELAY_MS = 1000

/** A topic that does not exist is looked for again after this long. */
const ABSENT_DELAY_MS = 5000

export interface MemberSettings {
  readonly group: string
  readonly model: MessageModel
  readonly consumeType: ConsumeType
  readonly start: StartPoint
  readonly strategy: AllocateStrategy
  readonly inside: ConsumerInside
}

/**
 * A client as one of a group: tells brokers of it, and shares the queues out with the group's other clients.
 */
export class GroupMember implements HeartbeatMember, GroupListener {
  readonly #instance: ClientInstance
  readonly #settings: MemberSettings
  readonly #consumption: Consumption
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #wakeup: Wakeup
  #startMs = 0
  #isClosed = false
  #running: Promise<void> | undefined

  constructor(instance: ClientInstance, settings: MemberSettings, consumption: Consumption) {
    this.#instance = instance
    this.#settings = settings
    this.#consumption = consumption
    this.#wakeup = new Wakeup(instance.host.clock)
  }

  get topics(): string[] {
    return [...this.#subscriptions.keys()]
  }

  subscription(topic: string): Subscription | undefined {
    return this.#subscriptions.get(topic)
  }

  /**
   * Adds or replaces a topic; brokers hear of it, and its queues are shared out, when `changed` is called.
   */
  subscribe(subscription: Subscription): void {
    this.#subscriptions.set(subscription.topic, subscription)
  }

  /**
   * Joins the group: brokers know of this client, and it has its first queues. Topics that do not exist yet
   * are found when they do.
   * @throws ClientError invalidParameter when this client is in the group already, connectionLost
   */
  async join(): Promise<void> {
    this.#instance.addGroup(this.#settings.group, this)
    this.#startMs = this.#instance.host.clock.nowMs()
    this.#instance.heartbeats.addMember(this)
    try {
      await Promise.all(this.topics.map((topic) => this.#loadRoute(topic)))
      await this.#checkFilters()
    } catch (error) {
      await this.leave()
      throw error
    }
    await this.#instance.heartbeats.announce()
    const delayMs = await this.#rebalance()
    this.#running = this.#keepBalanced(delayMs)
  }

  /** Topics were added: tells brokers and shares their queues out. */
  async changed(): Promise<void> {
    await Promise.all(this.topics.map((topic) => this.#loadRoute(topic)))
    await this.#checkFilters()
    await this.#instance.heartbeats.announce()
    this.#wakeup.wake()
  }

  /** Takes no more queues. To be called before the consumption is closed. */
  async stop(): Promise<void> {
    this.#isClosed = true
    this.#wakeup.wake()
    await this.#running
  }

  /** Leaves the group: brokers tell its other clients. */
  async leave(): Promise<void> {
    const { group: consumerGroup } = this.#settings
    this.#instance.heartbeats.removeMember(this)
    this.#instance.removeGroup(consumerGroup)
    await this.#instance.sayFarewell({ consumerGroup })
  }

  consumerData(): ConsumerData {
    const { group, model, consumeType, start } = this.#settings
    return {
      groupName: group,
      consumeType,
      messageModel: model,
      consumeFromWhere: consumeFromWhereOf(start),
      unitMode: false,
      subscriptionDataSet: [...this.#subscriptions.values()].map(({ data }) => data),
    }
  }

  membersChanged(): void {
    this.#wakeup.wake()
  }

  routeChanged(topic: string): void {
    if (this.#subscriptions.has(topic)) this.#wakeup.wake()
  }

  offsetsReset(topic: string, offsets: ReadonlyMap<MessageQueue, number>): void {
    if (!this.#subscriptions.has(topic)) return
    for (const [queue, offset] of offsets) void this.#consumption.seek(queue, offset)
  }

  runningInfo(isVerbose: boolean): ConsumerRunningInfo {
    const { inside } = this.#settings
    const data = this.consumerData()
    const { settings } = inside
    return {
      properties: runningProperties(this.#instance, data, { settings, startMs: this.#startMs }),
      subscriptionSet: data.subscriptionDataSet,
      mqTable: this.#consumption.queueInfos(),
      mqPopTable: new Map(),
      statusTable: this.#consumption.statusTable(),
      userConsumerInfo: new Map(),
      ...(isVerbose && { jstack: inside.atWork() }),
    }
  }

  commitOffsets(topic: string): ReadonlyMap<MessageQueue, number> {
    return this.#consumption.commitOffsets(topic)
  }

  consumeDirectly(message: ReceivedMessage): Promise<ConsumeMessageDirectlyResult> | undefined {
    return this.#settings.inside.consumeDirectly(message)
  }

  async #keepBalanced(firstDelayMs: number): Promise<void> {
    let delayMs = firstDelayMs
    while (!this.#isClosed) {
      await this.#wakeup.sleep(delayMs)
      if (!this.#isClosed) delayMs = await this.#rebalance()
    }
  }

  /** @returns after how long to look again */
  async #rebalance(): Promise<number> {
    let delayMs = REBALANCE_INTERVAL_MS
    for (const subscription of [...this.#subscriptions.values()]) {
      if (this.#isClosed) break
      try {
        const isDone = await this.#rebalanceTopic(subscription)
        if (!isDone) delayMs = Math.min(delayMs, FAILED_DELAY_MS)
      } catch (error) {
        const isAbsent = clientErrorOf(error).code === 'topicNotExist'
        delayMs = Math.min(delayMs, isAbsent ? ABSENT_DELAY_MS : FAILED_DELAY_MS)
        const fields = { group: this.#settings.group, topic: subscription.topic, error: messageOf(error) }
        const { log } = this.#instance.host
        if (isAbsent) log.debug(fields, 'a topic does not exist yet')
        else log.warn(fields, 'queues could not be shared out; it is tried again')
      }
    }
    return delayMs
  }

  async #rebalanceTopic(subscription: Subscription): Promise<boolean> {
    const { topic } = subscription
    const { routes, clientId, events } = this.#instance
    const { model, strategy, group } = this.#settings
    const route = await routes.load(topic)
    let wanted = route.readQueues
    if (model === 'CLUSTERING') {
      const clientIds = await this.#clientIds(route)
      // a broker that does not know this client yet would have it give all its queues away
      if (!clientIds.includes(clientId)) return false
      wanted = strategy({ clientId, queues: route.readQueues, clientIds })
    }
    const before = this.#consumption.queues.map(messageQueueKey)
    const isDone = await this.#consumption.assign(subscription, wanted)
    const queues = this.#consumption.queues.filter((queue) => queue.topic === topic)
    const now = this.#consumption.queues.map(messageQueueKey)
    if (before.length !== now.length || now.some((key) => !before.includes(key))) {
      events.emit('rebalanced', { group, topic, queues })
    }
    return isDone
  }

  /** The group's clients, as one of the topic's brokers knows them. */
  async #clientIds({ topic, data }: TopicRoute): Promise<string[]> {
    const { routes, heartbeats, brokers, host } = this.#instance
    const { brokerDatas } = data
    const broker = brokerDatas[host.random.u32() % Math.max(brokerDatas.length, 1)]
    const address = broker && routes.addressOf(broker.brokerName, 0)
    if (address === undefined) throw new ClientError('connectionLost', `topic ${topic} has no broker`)
    await heartbeats.connection(address)
    return brokers.consumerIds(this.#settings.group, address)
  }

  /** Has a broker of each topic read the filters that are not tags: it alone knows their language. */
  async #checkFilters(): Promise<void> {
    const { routes, brokers, clientId } = this.#instance
    const { group } = this.#settings
    for (const { topic, data } of this.#subscriptions.values()) {
      const brokerName = routes.get(topic)?.data.brokerDatas[0]?.brokerName
      const address = brokerName === undefined ? undefined : routes.addressOf(brokerName, 0)
      if (data.expressionType === ExpressionType.TAG || address === undefined) continue
      await brokers.checkSubscription(address, { clientId, group, subscriptionData: data })
    }
  }

  /** A topic that does not exist yet is no failure. */
  async #loadRoute(topic: string): Promise<void> {
    try {
      await this.#instance.routes.load(topic)
    } catch (error) {
      if (clientErrorOf(error).code !== 'topicNotExist') throw error
    }
  }
}
