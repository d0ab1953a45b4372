import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Logger, Timer } from '../base/host.ts'
import { type ConsumerData, encodeHeartbeatData } from '../protocol/heartbeat-data.ts'
import { SystemGroup } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { RemotingClient } from '../remoting/remoting-client.ts'
import type { RemotingConnection } from '../remoting/remoting-connection.ts'
import { refusalOf } from './client-error.ts'
import type { RouteCache } from './route-cache.ts'

const INTERVAL_MS = 30_000
const TIMEOUT_MS = 3000

/** A consumer group that this client takes part in. */
export interface HeartbeatMember {
  /** What the client says of it. */
  consumerData(): ConsumerData
}

export interface HeartbeatParts {
  readonly clock: Clock
  readonly log: Logger
  readonly remoting: RemotingClient
  readonly routes: RouteCache
  readonly clientId: string
}

interface Announced {
  readonly version: number
  readonly done: Promise<void>
}

/**
 * Tells brokers who this client is and what it consumes: every 30 s, at every change, and first of all on
 * each new connection, since brokers bind groups to the connection that a heartbeat came by.
 */
export class Heartbeats {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #remoting: RemotingClient
  readonly #routes: RouteCache
  readonly #clientId: string
  /** How many producers each has. */
  readonly #producerGroups = new Map<string, number>([[SystemGroup.CLIENT_INNER_PRODUCER, 1]])
  readonly #members = new Set<HeartbeatMember>()
  readonly #announced = new WeakMap<RemotingConnection, Announced>()
  #version = 0
  #timer: Timer | undefined

  constructor({ clock, log, remoting, routes, clientId }: HeartbeatParts) {
    this.#clock = clock
    this.#log = log
    this.#remoting = remoting
    this.#routes = routes
    this.#clientId = clientId
    this.#timer = clock.after(INTERVAL_MS, this.#beat)
  }

  addProducerGroup(group: string): void {
    this.#producerGroups.set(group, (this.#producerGroups.get(group) ?? 0) + 1)
    this.#version++
  }

  /** A producer of the group is gone. @returns whether it was the last */
  removeProducerGroup(group: string): boolean {
    const left = (this.#producerGroups.get(group) ?? 0) - 1
    if (left > 0) this.#producerGroups.set(group, left)
    else this.#producerGroups.delete(group)
    this.#version++
    return left <= 0
  }

  addMember(member: HeartbeatMember): void {
    this.#members.add(member)
    this.#version++
  }

  /** A member is gone. @returns whether it was the last of its group */
  removeMember(member: HeartbeatMember): boolean {
    const isKnown = this.#members.delete(member)
    this.#version++
    const { groupName } = member.consumerData()
    return isKnown && [...this.#members].every((other) => other.consumerData().groupName !== groupName)
  }

  get producerGroups(): readonly string[] {
    return [...this.#producerGroups.keys()]
  }

  /** Tells all brokers now, and waits for their answers; a broker that cannot be reached is passed over. */
  async announce(): Promise<void> {
    this.#version++
    await Promise.all([...this.addresses()].map((address) => this.#tryToReach(address)))
  }

  /** Tells these brokers, unless they know already; one that cannot be reached is passed over. */
  async reach(addresses: readonly string[]): Promise<void> {
    await Promise.all(addresses.map((address) => this.#tryToReach(address)))
  }

  /** Brokers that are to know of this client. */
  addresses(): Set<string> {
    return this.#routes.brokerAddresses(this.#members.size === 0)
  }

  /**
   * A connection to a broker that knows what this client is now.
   * @throws MqError connectionLost, timeout; ClientError when the broker refuses the heartbeat
   */
  async connection(address: string): Promise<RemotingConnection> {
    const connection = await this.#remoting.connection(address)
    const announced = this.#announced.get(connection)
    if (announced?.version === this.#version) await announced.done
    else await this.#announce(connection)
    return connection
  }

  /** The broker has forgotten this client: it is told again before the next request. */
  forget(connection: RemotingConnection): void {
    this.#announced.delete(connection)
  }

  /** There is a new connection: tells the broker at its end, if it is one that is to know. */
  greet(address: string): void {
    if (this.addresses().has(address)) void this.#tryToReach(address)
  }

  close(): void {
    this.#timer?.cancel()
  }

  readonly #beat = async (): Promise<void> => {
    this.#timer = this.#clock.after(INTERVAL_MS, this.#beat)
    await this.announce()
  }

  async #tryToReach(address: string): Promise<void> {
    try {
      await this.connection(address)
    } catch (error) {
      this.#log.debug({ broker: address, error: messageOf(error) }, 'broker not reached by a heartbeat')
    }
  }

  #announce(connection: RemotingConnection): Promise<void> {
    const done = this.#send(connection)
    this.#announced.set(connection, { version: this.#version, done })
    return done
  }

  async #send(connection: RemotingConnection): Promise<void> {
    const body = encodeHeartbeatData({
      clientID: this.#clientId,
      producerGroups: this.producerGroups,
      consumers: [...this.#members].map((member) => member.consumerData()),
      heartbeatFingerprint: 0,
      withoutSub: false,
    })
    try {
      const response = await connection.invoke({ code: RequestCode.HEART_BEAT, body }, TIMEOUT_MS)
      if (response.code !== ResponseCode.SUCCESS) {
        throw refusalOf(response, `heartbeat to broker ${connection.address}`)
      }
    } catch (error) {
      this.#announced.delete(connection)
      // nothing comes back: the connection may lead nowhere
      if (error instanceof MqError && error.kind === 'timeout') connection.destroy()
      throw error
    }
  }
}
