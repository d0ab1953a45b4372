import { MqError } from '../base/errors.ts'
import type { ConsumerData, HeartbeatData } from '../protocol/heartbeat-data.ts'
import type { SubscriptionData } from '../protocol/subscription-data.ts'
import { type Client, ConsumerGroup } from './consumer-group.ts'

/** A client that sends no heartbeat for this long is gone (ProducerManager and ConsumerManager CHANNEL_EXPIRED_TIMEOUT). */
export const CLIENT_MS_MAX = 120_000

/** Caps of what one connection can make the broker remember (R20); an official client has a few groups. */
const GROUPS_PER_CONNECTION_MAX = 10_000
const SUBSCRIPTIONS_LENGTH_MAX = 16 * 1024 * 1024

/** Longest names of groups and clients that are remembered. */
const NAME_LENGTH_MAX = 1024

/** @throws MqError invalidParameter when a client's id is longer than what is remembered */
export function checkClientId(clientId: string): void {
  if (clientId.length > NAME_LENGTH_MAX)
    throw new MqError('invalidParameter', `a client id of ${clientId.length} characters`)
}

/** What is remembered of a connection. */
interface Membership {
  clientId: string
  /** Length of what each group's subscriptions say. */
  readonly consumers: Map<string, number>
  readonly producers: Set<string>
  /** Of all groups. */
  length: number
}

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
  /** Hears of a consumer that leaves a group by its own word, before the others of the group do. */
  onFarewell: (group: string, clientId: string) => void = () => undefined
  readonly #consumerGroups = new Map<string, ConsumerGroup>()
  readonly #producerGroups = new Map<string, Map<number, Producer>>()
  /** Clients that produce, by their ids: replies find their way by these. */
  readonly #producersById = new Map<string, Client>()
  /** What each connection belongs to, so that its end costs what it has. */
  readonly #memberships = new Map<number, Membership>()

  /**
   * Takes a heartbeat.
   * @param mayConsume whether a group exists, or may be made: groups for which it says false are passed over
   * @returns whether a client that left its subscriptions out has to send them
   * @throws MqError invalidParameter when the client's id is too long, busy when it names more than is remembered
   */
  heartbeat(
    client: Client,
    data: HeartbeatData,
    nowMs: number,
    mayConsume: (data: ConsumerData) => boolean,
  ): boolean {
    checkClientId(client.clientId)
    const membership = this.#membershipOf(client.connectionId)
    this.#renamed(membership, client)
    let needsSubscriptions = false
    for (const consumer of data.consumers) {
      if (!mayConsume(consumer)) continue
      const { groupName } = consumer
      if (!data.withoutSub || !membership.consumers.has(groupName)) remember(membership, consumer)
      const isMember = this.#consumerGroups.get(groupName)?.hasMember(client.connectionId) === true
      if (data.withoutSub && !isMember) needsSubscriptions = true
      this.#consumes(client, consumer, nowMs, data.withoutSub)
    }
    for (const group of data.producerGroups) this.#produces(membership, group, client, nowMs)
    return needsSubscriptions
  }

  /** A client leaves a group by its own word. */
  unregisterConsumer(group: string, connectionId: number): void {
    const membership = this.#memberships.get(connectionId)
    if (membership) forget(membership, group)
    const member = this.#consumerGroups.get(group)?.member(connectionId)
    if (member) this.onFarewell(group, member.clientId)
    this.#removeConsumer(group, connectionId)
  }

  unregisterProducer(group: string, connectionId: number): void {
    this.#memberships.get(connectionId)?.producers.delete(group)
    this.#removeProducer(group, connectionId)
  }

  /** A connection is gone: its client leaves all groups at once. */
  connectionClosed(connectionId: number): void {
    const membership = this.#memberships.get(connectionId)
    if (!membership) return
    this.#memberships.delete(connectionId)
    for (const group of membership.consumers.keys()) this.#removeConsumer(group, connectionId)
    for (const group of membership.producers) this.#removeProducer(group, connectionId)
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

  #membershipOf(connectionId: number): Membership {
    const known = this.#memberships.get(connectionId)
    if (known) return known
    const made: Membership = { clientId: '', consumers: new Map(), producers: new Set(), length: 0 }
    this.#memberships.set(connectionId, made)
    return made
  }

  /** A connection that calls itself otherwise than before is not found under its old name. */
  #renamed(membership: Membership, { clientId, connectionId }: Client): void {
    const before = membership.clientId
    membership.clientId = clientId
    if (before !== clientId && this.#producersById.get(before)?.connectionId === connectionId)
      this.#producersById.delete(before)
  }

  #consumes(client: Client, consumer: ConsumerData, nowMs: number, isWithoutSubscriptions: boolean): void {
    const group = this.#consumerGroups.get(consumer.groupName) ?? new ConsumerGroup(consumer)
    this.#consumerGroups.set(group.name, group)
    const hasChanged = group.heartbeat(client, consumer, nowMs, isWithoutSubscriptions)
    if (!isWithoutSubscriptions) this.onSubscribed(group.name, consumer.subscriptionDataSet)
    if (hasChanged) this.onGroupChanged(group)
  }

  #produces(membership: Membership, group: string, client: Client, nowMs: number): void {
    checkRoom(membership, group)
    const producers = this.#producerGroups.get(group) ?? new Map<number, Producer>()
    this.#producerGroups.set(group, producers.set(client.connectionId, { client, heartbeatMs: nowMs }))
    membership.producers.add(group)
    if (this.#mayReplyTo(client)) this.#producersById.set(client.clientId, client)
  }

  /** Whoever connects anew may take his replies over; nobody on another machine may while the first is there. */
  #mayReplyTo({ address, clientId, connectionId }: Client): boolean {
    const known = this.#producersById.get(clientId)
    return !known || known.connectionId === connectionId || hostOf(known.address) === hostOf(address)
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
    const isGone = client && (this.#memberships.get(connectionId)?.producers.size ?? 0) === 0
    if (isGone && this.#producersById.get(client.clientId)?.connectionId === connectionId)
      this.#producersById.delete(client.clientId)
    if (producers?.size === 0) this.#producerGroups.delete(name)
  }
}

/** @throws MqError busy */
function remember(membership: Membership, { groupName, subscriptionDataSet }: ConsumerData): void {
  checkRoom(membership, groupName)
  let length = 0
  for (const { topic, subString, tagsSet } of subscriptionDataSet) {
    length += topic.length + subString.length + tagsSet.length * 32
  }
  const total = membership.length - (membership.consumers.get(groupName) ?? 0) + length
  if (total > SUBSCRIPTIONS_LENGTH_MAX)
    throw new MqError('busy', `subscriptions of ${total} characters over one connection`)
  membership.length = total
  membership.consumers.set(groupName, length)
}

function forget(membership: Membership, group: string): void {
  membership.length -= membership.consumers.get(group) ?? 0
  membership.consumers.delete(group)
}

/** @throws MqError busy, invalidParameter */
function checkRoom({ consumers, producers }: Membership, group: string): void {
  if (group.length > NAME_LENGTH_MAX)
    throw new MqError('invalidParameter', `a group name of ${group.length} characters`)
  if (consumers.has(group) || producers.has(group)) return
  if (consumers.size + producers.size >= GROUPS_PER_CONNECTION_MAX)
    throw new MqError('busy', `a connection is in ${GROUPS_PER_CONNECTION_MAX} groups at most`)
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
