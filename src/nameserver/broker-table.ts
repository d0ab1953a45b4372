import { MqError } from '../base/errors.ts'
import type { DataVersion } from '../protocol/data-version.ts'
import type { BrokerData } from '../protocol/topic-route-data.ts'

/** The id of a master; slaves have higher ones. */
export const MASTER_ID = 0

/**
 * How long a broker counts as alive after its last word, unless it asked for another time (RocketMQ
 * RouteInfoManager).
 */
export const BROKER_TIMEOUT_MS = 120_000

/** How much a `BrokerTable` takes (rule R20). */
export interface BrokerLimits {
  readonly brokersMax: number
  /** Processes of one broker name. */
  readonly membersMax: number
}

/** Far above what a name server ever sees. */
export const BROKER_LIMITS: BrokerLimits = { brokersMax: 4096, membersMax: 64 }

/** One process that serves a broker name, as its last registration left it. */
export interface BrokerMember {
  readonly brokerId: number
  /** `host:port` */
  readonly address: string
  /** Where its slaves replicate from. */
  readonly haServerAddr: string
  /** State of its topics when they were last looked at. */
  readonly dataVersion: DataVersion
  /** The connection that it registered over. */
  readonly peerId: number
  readonly timeoutMs: number
  /** When it was last heard of, monotonic. */
  seenMs: number
}

/** A broker name with the processes that serve it. */
export class Broker {
  readonly name: string
  clusterName: string
  zoneName: string | undefined
  /** Whether the slave with the lowest id stands in for a master that is gone. */
  enableActingMaster = false
  /** By broker id. */
  readonly members = new Map<number, BrokerMember>()

  constructor(name: string, clusterName: string) {
    this.name = name
    this.clusterName = clusterName
  }

  get hasMaster(): boolean {
    return this.members.has(MASTER_ID)
  }

  /** The lowest id; undefined when nobody serves the name. */
  get brokerIdMin(): number | undefined {
    return this.members.size === 0 ? undefined : Math.min(...this.members.keys())
  }

  memberAt(address: string): BrokerMember | undefined {
    for (const member of this.members.values()) if (member.address === address) return member
    return undefined
  }

  /** Addresses by id, in the order of the ids. */
  addresses(): Map<number, string> {
    const sorted = [...this.members.values()].sort((one, other) => one.brokerId - other.brokerId)
    return new Map(sorted.map(({ brokerId, address }) => [brokerId, address]))
  }

  data(): BrokerData {
    return {
      cluster: this.clusterName,
      brokerName: this.name,
      brokerAddrs: this.addresses(),
      enableActingMaster: this.enableActingMaster,
      ...(this.zoneName === undefined ? {} : { zoneName: this.zoneName }),
    }
  }
}

/** All brokers by name, and by the cluster they belong to. */
export class BrokerTable {
  readonly #limits: BrokerLimits
  readonly #brokers = new Map<string, Broker>()
  /** Broker names by cluster, never empty. */
  readonly #clusters = new Map<string, Set<string>>()

  constructor(limits: BrokerLimits = BROKER_LIMITS) {
    this.#limits = limits
  }

  get(brokerName: string): Broker | undefined {
    return this.#brokers.get(brokerName)
  }

  all(): IterableIterator<Broker> {
    return this.#brokers.values()
  }

  /** Broker names by cluster. */
  clusters(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#clusters
  }

  /**
   * The broker of that name, made when there is none.
   * @throws MqError busy when there are too many
   */
  open(brokerName: string, clusterName: string): Broker {
    const found = this.#brokers.get(brokerName)
    if (found) return found
    if (this.#brokers.size >= this.#limits.brokersMax) {
      throw new MqError(
        'busy',
        `broker ${brokerName} finds ${this.#limits.brokersMax} others: there is no room`,
      )
    }
    const broker = new Broker(brokerName, clusterName)
    this.#brokers.set(brokerName, broker)
    this.#joinCluster(broker)
    return broker
  }

  /**
   * Moves a broker to another cluster: its name stands in one only, where RocketMQ would leave it in both.
   */
  moveTo(broker: Broker, clusterName: string): void {
    if (broker.clusterName === clusterName) return
    this.#leaveCluster(broker)
    broker.clusterName = clusterName
    this.#joinCluster(broker)
  }

  /** @throws MqError busy when the name has too many processes already */
  putMember(broker: Broker, member: BrokerMember): void {
    if (!broker.members.has(member.brokerId) && broker.members.size >= this.#limits.membersMax) {
      const { membersMax } = this.#limits
      throw new MqError(
        'busy',
        `broker ${broker.name} has ${membersMax} addresses: there is no room for id ${member.brokerId}`,
      )
    }
    broker.members.set(member.brokerId, member)
  }

  /** Forgets a broker that no process serves any more. */
  remove(broker: Broker): void {
    this.#brokers.delete(broker.name)
    this.#leaveCluster(broker)
  }

  #joinCluster({ name, clusterName }: Broker): void {
    const names = this.#clusters.get(clusterName)
    if (names) names.add(name)
    else this.#clusters.set(clusterName, new Set([name]))
  }

  #leaveCluster({ name, clusterName }: Broker): void {
    const names = this.#clusters.get(clusterName)
    names?.delete(name)
    if (names?.size === 0) this.#clusters.delete(clusterName)
  }
}
