import type { ConsumeFromWhere, ConsumerData, ConsumeType, MessageModel } from '../protocol/heartbeat-data.ts'
import type { SubscriptionData } from '../protocol/subscription-data.ts'

/** A client of the broker, by the connection that its heartbeats come over. */
export interface Client {
  readonly clientId: string
  /** Number of its connection. */
  readonly connectionId: number
  /** `ip:port` */
  readonly address: string
  readonly language: number
  readonly version: number
}

interface Member {
  client: Client
  heartbeatMs: number
}

/** The consumers of one group that are connected here, and what they want: RocketMQ's ConsumerGroupInfo. */
export class ConsumerGroup {
  readonly name: string
  consumeType: ConsumeType
  messageModel: MessageModel
  consumeFromWhere: ConsumeFromWhere
  readonly #members = new Map<number, Member>()
  readonly #subscriptions = new Map<string, SubscriptionData>()

  constructor(data: ConsumerData) {
    this.name = data.groupName
    this.consumeType = data.consumeType
    this.messageModel = data.messageModel
    this.consumeFromWhere = data.consumeFromWhere
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get isBroadcasting(): boolean {
    return this.messageModel === 'BROADCASTING'
  }

  get clients(): Client[] {
    return [...this.#members.values()].map(({ client }) => client)
  }

  get subscriptions(): ReadonlyMap<string, SubscriptionData> {
    return this.#subscriptions
  }

  subscription(topic: string): SubscriptionData | undefined {
    return this.#subscriptions.get(topic)
  }

  /** The client of the group that comes over a connection. */
  member(connectionId: number): Client | undefined {
    return this.#members.get(connectionId)?.client
  }

  hasMember(connectionId: number): boolean {
    return this.#members.has(connectionId)
  }

  /**
   * Takes a heartbeat.
   * @param isWithoutSubscriptions the client left them out because they have not changed (heartbeat V2)
   * @returns whether members or the set of subscribed topics have changed
   */
  heartbeat(client: Client, data: ConsumerData, nowMs: number, isWithoutSubscriptions: boolean): boolean {
    this.consumeType = data.consumeType
    this.messageModel = data.messageModel
    this.consumeFromWhere = data.consumeFromWhere
    const isNew = this.#members.get(client.connectionId)?.client.clientId !== client.clientId
    this.#members.set(client.connectionId, { client, heartbeatMs: nowMs })
    const hasNewTopics = !isWithoutSubscriptions && this.#subscribe(data.subscriptionDataSet)
    return isNew || hasNewTopics
  }

  /** @returns whether it was a member */
  remove(connectionId: number): boolean {
    return this.#members.delete(connectionId)
  }

  /** Connections whose last heartbeat is older. */
  silentSince(heartbeatMs: number): number[] {
    return [...this.#members.values()]
      .filter((member) => member.heartbeatMs < heartbeatMs)
      .map((member) => member.client.connectionId)
  }

  /** The last heartbeat's topics replace all; a known topic's filter only gives way to a newer one (protocol/requests.md §4). */
  #subscribe(subscriptions: readonly SubscriptionData[]): boolean {
    let hasChanged = false
    const topics = new Set<string>()
    for (const subscription of subscriptions) {
      const known = this.#subscriptions.get(subscription.topic)
      topics.add(subscription.topic)
      if (!known) hasChanged = true
      if (!known || subscription.subVersion > known.subVersion)
        this.#subscriptions.set(subscription.topic, subscription)
    }
    for (const topic of this.#subscriptions.keys())
      if (!topics.has(topic)) hasChanged = this.#subscriptions.delete(topic)
    return hasChanged
  }
}
