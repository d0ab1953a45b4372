import { messageOf } from '../base/errors.ts'
import type { Clock, Host } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { UniqueKeyMaker } from '../protocol/message-id.ts'
import { type Credentials, RequestSigner } from '../protocol/signature.ts'
import { RemotingClient } from '../remoting/remoting-client.ts'
import { CONNECTION_LIMITS } from '../remoting/remoting-connection.ts'
import { RequestDispatcher } from '../remoting/request-dispatcher.ts'
import { BrokerRequests } from './broker-requests.ts'
import { ClientError } from './client-error.ts'
import { EventHub } from './client-events.ts'
import { Heartbeats } from './heartbeats.ts'
import { type Instrumentation, Instruments } from './instrumentation.ts'
import { NamesrvList } from './namesrv-list.ts'
import { type GroupListener, pushHandlers, type TransactionChecker } from './push-handlers.ts'
import { ReplyDesk } from './reply-desk.ts'
import { RouteCache } from './route-cache.ts'
import { CLIENT_LANGUAGE } from './send-frame.ts'

/**
 * Caps of a client's connections. What it has not been able to send is bounded by its producers; here it only
 * ends a connection that takes nothing at all.
 */
const LIMITS = { ...CONNECTION_LIMITS, unreadBytesMax: 32 * 1024 * 1024 }

export interface InstanceOptions {
  readonly host: Host
  /** `host:port` */
  readonly namesrv: readonly string[]
  /** Tells clients of one machine apart; random when left out. */
  readonly instanceName?: string | undefined
  readonly instrumentation: readonly Instrumentation[]
  /** Signs all requests. */
  readonly credentials?: Credentials | undefined
}

/** What the producers and consumers of one client share: connections, routes, heartbeats, ids. */
export class ClientInstance {
  readonly host: Host
  /** Unique in the cluster: `ip@name`. */
  readonly clientId: string
  readonly turn: Turn
  readonly events: EventHub
  readonly remoting: RemotingClient
  readonly signer: RequestSigner | undefined
  readonly namesrv: NamesrvList
  readonly routes: RouteCache
  readonly brokers: BrokerRequests
  readonly heartbeats: Heartbeats
  readonly uniqueKeys: UniqueKeyMaker
  readonly replies: ReplyDesk
  readonly instruments: Instruments
  readonly #checkers = new Map<string, TransactionChecker>()
  readonly #groups = new Map<string, GroupListener>()
  /** Those that share no queues out: several may be of one group, of which the last is asked how it fares. */
  readonly #poppers = new Map<string, GroupListener>()

  /**
   * Connects to a NameServer, which shows whether there is one and which address this machine has.
   * @throws ClientError connectionLost when no NameServer can be reached
   */
  static async open(options: InstanceOptions): Promise<ClientInstance> {
    const network = new Network(options)
    try {
      return new ClientInstance(options, network, await network.localAddress())
    } catch (error) {
      await network.remoting.close()
      throw error
    }
  }

  private constructor(options: InstanceOptions, network: Network, localAddress: string) {
    const { host, instanceName, instrumentation } = options
    const { clock, log, random } = host
    this.host = host
    const { turn, events, remoting, signer, namesrv } = network
    this.turn = turn
    this.events = events
    this.remoting = remoting
    this.signer = signer
    this.namesrv = namesrv
    this.clientId = `${localAddress}@${instanceName ?? `ternmq-${random.bytes(6).toString('hex')}`}`
    this.routes = new RouteCache({ clock, log, namesrv })
    this.brokers = new BrokerRequests(remoting, this.routes)
    const { routes, clientId } = this
    this.heartbeats = new Heartbeats({ clock, log, remoting, routes, clientId })
    const origin = {
      ip: localAddress,
      pid: random.u32(),
      salt: random.u32(),
      utcOffsetMs: utcOffsetMs(clock),
    }
    this.uniqueKeys = new UniqueKeyMaker(origin)
    this.instruments = new Instruments(clock, instrumentation)
    this.routes.onChanged = ({ topic }) => {
      for (const listener of this.#groups.values()) listener.routeChanged(topic)
    }
    network.onConnected = (address) => this.heartbeats.greet(address)
    this.replies = new ReplyDesk({ clock, random, clientId })
    const listeners = {
      replies: this.replies,
      groupListener: (group: string) => this.#groups.get(group) ?? this.#poppers.get(group),
      checker: (group: string) => this.#checkers.get(group),
    }
    network.dispatcher.add(pushHandlers(listeners))
  }

  /** @throws ClientError invalidParameter when this client consumes for the group already */
  addGroup(group: string, listener: GroupListener): void {
    if (this.#groups.has(group)) {
      throw new ClientError('invalidParameter', `this client has a consumer of group ${group} already`)
    }
    this.#groups.set(group, listener)
  }

  removeGroup(group: string): void {
    this.#groups.delete(group)
  }

  addPopper(group: string, listener: GroupListener): void {
    this.#poppers.set(group, listener)
  }

  removePopper(group: string, listener: GroupListener): void {
    if (this.#poppers.get(group) === listener) this.#poppers.delete(group)
  }

  /** @throws ClientError invalidParameter when this client answers for the group's transactions already */
  addChecker(group: string, checker: TransactionChecker): void {
    if (this.#checkers.has(group)) {
      throw new ClientError(
        'invalidParameter',
        `this client has a transaction producer of group ${group} already`,
      )
    }
    this.#checkers.set(group, checker)
  }

  removeChecker(group: string): void {
    this.#checkers.delete(group)
  }

  /**
   * Has the masters of a topic know what this client is now: they may have something to say to it. One that
   * cannot be reached is passed over.
   * @throws ClientError topicNotExist, connectionLost when the topic's brokers cannot be found out
   */
  async introduce(topic: string): Promise<void> {
    const { data } = await this.routes.loadForSend(topic)
    await this.heartbeats.reach(data.brokerDatas.flatMap(({ brokerAddrs }) => brokerAddrs.get(0) ?? []))
  }

  /** A producer of the group is gone: where it was the last, brokers do not ask this client for its transactions. */
  async leaveProducers(producerGroup: string): Promise<void> {
    if (this.heartbeats.removeProducerGroup(producerGroup)) await this.sayFarewell({ producerGroup })
  }

  /** Tells brokers that this client has left a group; one that does not hear it finds out by itself. */
  async sayFarewell(group: { consumerGroup: string } | { producerGroup: string }): Promise<void> {
    const { brokers, clientId, host, remoting } = this
    const farewells = [...this.heartbeats.addresses()].map(async (address) => {
      try {
        // a broker without a connection does not know this client
        if (remoting.connected(address)) await brokers.unregister(address, { clientId, ...group })
      } catch (error) {
        host.log.debug({ broker: address, error: messageOf(error) }, 'a farewell was not heard')
      }
    })
    await Promise.all(farewells)
  }

  /** Says farewell to the brokers and closes all connections. */
  async close(): Promise<void> {
    await this.instruments.close()
    this.replies.close()
    this.heartbeats.close()
    this.routes.close()
    const { producerGroups } = this.heartbeats
    await Promise.all(producerGroups.map((producerGroup) => this.sayFarewell({ producerGroup })))
    await this.remoting.close()
  }
}

/** The part that is there before anything is known: who can be reached, and from which address. */
class Network {
  readonly turn: Turn
  readonly events = new EventHub()
  readonly dispatcher: RequestDispatcher
  readonly remoting: RemotingClient
  readonly signer: RequestSigner | undefined
  readonly namesrv: NamesrvList
  onConnected: (address: string) => void = () => undefined

  constructor({ host, namesrv, credentials }: InstanceOptions) {
    const { clock, net, log } = host
    this.turn = new Turn(clock)
    this.dispatcher = new RequestDispatcher(log)
    const { turn, dispatcher, events } = this
    this.signer = credentials && new RequestSigner(credentials)
    const { signer } = this
    this.remoting = new RemotingClient({
      ...{ clock, net, log, turn, dispatcher, limits: LIMITS, language: CLIENT_LANGUAGE, signer },
      onConnected: (address) => {
        events.emit('connected', { address })
        this.onConnected(address)
      },
      onClosed: (address) => events.emit('disconnected', { address }),
    })
    this.namesrv = new NamesrvList(namesrv, { remoting: this.remoting, log, start: host.random.u32() })
  }

  /** The address by which NameServers see this machine. */
  async localAddress(): Promise<string> {
    let failure: unknown
    for (const address of this.namesrv.addresses) {
      try {
        const { local } = await this.remoting.connection(address)
        return local.host
      } catch (error) {
        failure = error
      }
    }
    const addresses = this.namesrv.addresses.join(';')
    throw new ClientError('connectionLost', `no NameServer can be reached: ${addresses}`, { cause: failure })
  }
}

/**
 * How far local time is ahead of UTC. Ids count from the first of the month by local time, as tools read
 * them.
 */
function utcOffsetMs(clock: Clock): number {
  const nowMs = clock.nowMs()
  const { hour, minute } = clock.localTime(nowMs)
  const aheadMinutes = hour * 60 + minute - (Math.floor(nowMs / 60_000) % 1440)
  return (((aheadMinutes + 720 + 1440) % 1440) - 720) * 60_000
}
