import type { ConsumerData, HeartbeatData } from '../protocol/heartbeat-data.ts'
import type { SubscriptionData } from '../protocol/subscription-data.ts'
import { type Client, ConsumerGroup } from './consumer-group.ts'

/** A client that sends no heartbeat for this long is gone (ProducerManager and ConsumerManager CHANNEL_EXPIRED_TIMEOUT). */
export const CLIENT_MS_MAX = 120_000

/** Most groups that one heartbeat may name. */
const GROUPS_PER_HEARTBEAT_MAX = 10_000

interface Producer {
  client: Client
  heartbeatMs: number
}

/** Says that a group's consumers should share out the queues anew. */
export type GroupChanged = (group: ConsumerGroup) => void

/**
 * Who is connected: producers and consumers by group, as their heartbeats say. RocketMQ's ProducerManager and ConsumerManager. Pure:
 * time comes with each call, and the groups that changed go to `onGroupChanged`.
 */
export class ClientRegistry {
  /** Hears of each group whose members or topics have changed, with those that are left. */
  onGroupChanged: GroupChanged = () => undefined
  /** Hears of the subscriptions that a heartbeat brings. */
  onSubscribed: (group: string, subscriptions: readonly SubscriptionData[]) => void = () => undefined
  /** Hears of groups whose last consumer has gone. */
  onGroupGone: (group: string) => void = () => undefined
  readonly #consumerGroups = new Map<string, ConsumerGroup>()
  readonly #producerGroups = new Map<string, Map<number, Producer>>()
  /** Clients that produce, by their ids: replies find their way by these. */
  readonly #producersById = new Map<string, Client>()
  /** Names of the groups that each connection belongs to, so that its end costs what it has. */
  readonly #groupsOfConnection = new Map<number, { consumers: Set<string>; producers: Set<string> }>()

  /**
   * Takes a heartbeat.
   * @param mayConsume whether a group exists, or may be made: groups for which it says false are passed over
   * @returns whether a client that left its subscriptions out has to send them
   */
  heartbeat(
    client: Client,
    data: HeartbeatData,
    nowMs: number,
    mayConsume: (data: ConsumerData) => boolean,
  ): boolean {
    const consumers = data.consumers.slice(0, GROUPS_PER_HEARTBEAT_MAX)
    let needsSubscriptions = false
    for (const consumer of consumers) {
      if (!mayConsume(consumer)) continue
      const known = this.#consumerGroups.get(consumer.groupName)
      if (data.withoutSub && !known?.hasMember(client.connectionId)) needsSubscriptions = true
      const group = known ?? new ConsumerGroup(consumer)
      this.#consumerGroups.set(group.name, group)
      this.#groupsOf(client.connectionId).consumers.add(group.name)
      const hasChanged = group.heartbeat(client, consumer, nowMs, data.withoutSub)
      if (!data.withoutSub) this.onSubscribed(group.name, consumer.subscriptionDataSet)
      if (hasChanged) this.onGroupChanged(group)
    }
    for (const group of data.producerGroups.slice(0, GROUPS_PER_HEARTBEAT_MAX)) {
      const producers = this.#producerGroups.get(group) ?? new Map<number, Producer>()
      this.#producerGroups.set(group, producers.set(client.connectionId, { client, heartbeatMs: nowMs }))
      this.#groupsOf(client.connectionId).producers.add(group)
      this.#producersById.set(client.clientId, client)
    }
    return needsSubscriptions
  }

  /** A client leaves a group by its own word. */
  unregisterConsumer(group: string, connectionId: number): void {
    this.#groupsOfConnection.get(connectionId)?.consumers.delete(group)
    this.#removeConsumer(group, connectionId)
  }

  unregisterProducer(group: string, connectionId: number): void {
    this.#groupsOfConnection.get(connectionId)?.producers.delete(group)
    this.#removeProducer(group, connectionId)
  }

  /** A connection is gone: its client leaves all groups at once. */
  connectionClosed(connectionId: number): void {
    const groups = this.#groupsOfConnection.get(connectionId)
    if (!groups) return
    this.#groupsOfConnection.delete(connectionId)
    for (const group of groups.consumers) this.#removeConsumer(group, connectionId)
    for (const group of groups.producers) this.#removeProducer(group, connectionId)
  }

  /** Removes the clients that have been silent too long. @returns their connections, which are to be closed */
  expire(nowMs: number): number[] {
    const silent = new Set<number>()
    for (const group of this.#consumerGroups.values()) {
      for (const connectionId of group.silentSince(nowMs - CLIENT_MS_MAX)) silent.add(connectionId)
    }
    for (const producers of this.#producerGroups.values()) {
      for (const { client, heartbeatMs } of producers.values()) {
        if (heartbeatMs < nowMs - CLIENT_MS_MAX) silent.add(client.connectionId)
      }
    }
    for (const connectionId of silent) this.connectionClosed(connectionId)
    return [...silent]
  }

  consumerGroup(name: string): ConsumerGroup | undefined {
    return this.#consumerGroups.get(name)
  }

  get consumerGroups(): ConsumerGroup[] {
    return [...this.#consumerGroups.values()]
  }

  get producerGroupNames(): string[] {
    return [...this.#producerGroups.keys()]
  }

  /** Clients that produce for a group, with the time of their last heartbeat. */
  producers(group: string): readonly { readonly client: Client; readonly heartbeatMs: number }[] {
    return [...(this.#producerGroups.get(group)?.values() ?? [])]
  }

  /** The client of this id that produces for any group. */
  producer(clientId: string): Client | undefined {
    return this.#producersById.get(clientId)
  }

  /** Groups with a connected consumer that subscribes to the topic. */
  groupsSubscribedTo(topic: string): string[] {
    return this.consumerGroups
      .filter((group) => group.subscription(topic) !== undefined)
      .map(({ name }) => name)
  }

  #groupsOf(connectionId: number): { consumers: Set<string>; producers: Set<string> } {
    const known = this.#groupsOfConnection.get(connectionId)
    if (known) return known
    const groups = { consumers: new Set<string>(), producers: new Set<string>() }
    this.#groupsOfConnection.set(connectionId, groups)
    return groups
  }

  #removeConsumer(name: string, connectionId: number): void {
    const group = this.#consumerGroups.get(name)
    if (!group?.remove(connectionId)) return
    if (group.isEmpty) {
      this.#consumerGroups.delete(name)
      this.onGroupGone(name)
    }
    this.onGroupChanged(group)
  }

  #removeProducer(name: string, connectionId: number): void {
    const producers = this.#producerGroups.get(name)
    const client = producers?.get(connectionId)?.client
    producers?.delete(connectionId)
    const isGone = client && (this.#groupsOfConnection.get(connectionId)?.producers.size ?? 0) === 0
    if (isGone && this.#producersById.get(client.clientId)?.connectionId === connectionId)
      this.#producersById.delete(client.clientId)
    if (producers?.size === 0) this.#producerGroups.delete(name)
  }
}
