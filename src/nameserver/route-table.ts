import type { BrokerMemberGroup, ClusterInfo } from '../protocol/cluster-info.ts'
import { type DataVersion, isSameVersion } from '../protocol/data-version.ts'
import { isWritable, Permission } from '../protocol/permission.ts'
import { TopicSysFlag } from '../protocol/sys-flag.ts'
import type { TopicConfig, TopicConfigTable } from '../protocol/topic-config.ts'
import type { TopicList } from '../protocol/topic-list.ts'
import type { BrokerData, QueueData, TopicRouteData } from '../protocol/topic-route-data.ts'
import { type BrokerRegistration, checkRegistration, type RegisterOutcome } from './broker-registration.ts'
import {
  BROKER_LIMITS,
  BROKER_TIMEOUT_MS,
  type Broker,
  type BrokerLimits,
  type BrokerMember,
  BrokerTable,
  MASTER_ID,
} from './broker-table.ts'
import { ownText } from './own-text.ts'
import { TOPIC_LIMITS, type TopicLimits, TopicTable } from './topic-table.ts'

/** A process of a broker name. */
export interface BrokerAddress {
  readonly brokerName: string
  readonly address: string
}

/** What settings say about routes. */
export interface RouteRules {
  /** Whether a slave may be shown as master while the master is gone. */
  readonly supportActingMaster: boolean
  /**
   * Whether a registration without a topic deletes the topic: only for brokers that always send all of them.
   */
  readonly deleteTopicWithBrokerRegistration: boolean
}

/** RocketMQ's defaults (NamesrvConfig). */
export const ROUTE_RULES: RouteRules = {
  supportActingMaster: false,
  deleteTopicWithBrokerRegistration: false,
}

/** Limits of everything that brokers can make a name server keep. */
export type RouteLimits = BrokerLimits & TopicLimits

/**
 * Topics whose routes are about the members of a group, so that nobody stands in for one (RocketMQ
 * TopicValidator).
 */
const MEMBER_GROUP_TOPIC_PREFIX = 'rmq_sys_SYNC_BROKER_MEMBER_'

/**
 * Where brokers are and what topics they have: the state of a name server, without sockets, clocks or files.
 * The rules are those of RocketMQ 5.x RouteInfoManager; all times are milliseconds of one monotonic clock.
 */
export class RouteTable {
  readonly #rules: RouteRules
  readonly #brokers: BrokerTable
  readonly #topics: TopicTable

  /** @param rules read at every use, so that a setting may change while the table is in use */
  constructor(rules: RouteRules = ROUTE_RULES, limits: RouteLimits = { ...BROKER_LIMITS, ...TOPIC_LIMITS }) {
    this.#rules = rules
    this.#brokers = new BrokerTable(limits)
    this.#topics = new TopicTable(limits)
  }

  /**
   * Takes what a broker says of itself. Topics are merged: one that is not mentioned stays as it was.
   * @throws MqError invalidParameter for a name or address that cannot be kept, busy when a limit is reached;
   *   topics known before stay alive then
   */
  register(registration: BrokerRegistration, nowMs: number): RegisterOutcome {
    checkRegistration(registration)
    const { brokerName, brokerId, brokerAddr, topics } = registration
    const broker = this.#brokers.get(brokerName)
    const holder = broker?.members.get(brokerId)
    const isStale = holder !== undefined && holder.dataVersion.stateVersion > topics.dataVersion.stateVersion
    const isIgnored = isStale && holder.address !== brokerAddr
    const isRefused = holder === undefined && topics.topicConfigTable.size === 1
    // An address has one id: when it comes in another role, the former is over even if this one is not granted.
    const former = broker?.memberAt(brokerAddr)
    const hasOtherId = former !== undefined && former.brokerId !== brokerId
    if (isIgnored || isRefused) {
      if (hasOtherId) this.unregister([{ brokerName, address: brokerAddr }])
      return isIgnored ? { status: 'ignored', keptAddress: holder.address } : { status: 'refused' }
    }
    if (hasOtherId) broker?.members.delete(former.brokerId)
    return this.#accept(registration, nowMs)
  }

  /**
   * Forgets processes of brokers, and the topics of broker names that nobody serves any more. Unknown ones
   * are passed over.
   */
  unregister(addresses: Iterable<BrokerAddress>): void {
    const reduced = new Set<Broker>()
    for (const { brokerName, address } of addresses) {
      const broker = this.#brokers.get(brokerName)
      const member = broker?.memberAt(address)
      if (!broker || !member) continue
      broker.members.delete(member.brokerId)
      reduced.add(broker)
    }
    this.#settle(reduced)
  }

  /** @returns whether the broker is known; a sign of life of an unknown one changes nothing */
  heartbeat({ brokerName, address }: BrokerAddress, nowMs: number): boolean {
    const member = this.#brokers.get(brokerName)?.memberAt(address)
    if (member) member.seenMs = nowMs
    return member !== undefined
  }

  /** The state that a broker's topics had when they were last looked at; undefined for an unknown one. */
  dataVersionOf({ brokerName, address }: BrokerAddress): DataVersion | undefined {
    return this.#brokers.get(brokerName)?.memberAt(address)?.dataVersion
  }

  /**
   * Forgets brokers that were silent for longer than they may be.
   * @returns them
   */
  expire(nowMs: number): BrokerAddress[] {
    return this.#unregisterWhere(({ seenMs, timeoutMs }) => seenMs + timeoutMs < nowMs)
  }

  /**
   * Forgets the brokers whose last registration came over this connection.
   * @returns them
   */
  connectionClosed(peerId: number): BrokerAddress[] {
    return this.#unregisterWhere((member) => member.peerId === peerId)
  }

  /** Where a topic's queues are; undefined when no broker has any. */
  routeOf(topic: string): TopicRouteData | undefined {
    const queueDatas = this.#topics.queuesOf(topic)
    if (!queueDatas) return undefined
    const brokerDatas: BrokerData[] = []
    for (const queues of queueDatas) {
      const broker = this.#brokers.get(queues.brokerName)
      if (broker) brokerDatas.push(this.#brokerDataFor(topic, broker, queues))
    }
    if (brokerDatas.length === 0) return undefined
    const topicQueueMappingByBroker = this.#topics.mappingsOf(topic)
    return {
      brokerDatas,
      queueDatas,
      filterServerTable: new Map(),
      ...(topicQueueMappingByBroker === undefined ? {} : { topicQueueMappingByBroker }),
    }
  }

  clusterInfo(): ClusterInfo {
    const brokerAddrTable = new Map<string, BrokerData>()
    for (const broker of this.#brokers.all()) brokerAddrTable.set(broker.name, broker.data())
    const clusters = Array.from(this.#brokers.clusters(), ([name, names]) => [name, [...names]] as const)
    return { brokerAddrTable, clusterAddrTable: new Map(clusters) }
  }

  /** The processes of a broker name, none when it is unknown; `cluster` comes back as it was asked for. */
  memberGroup(cluster: string, brokerName: string): BrokerMemberGroup {
    return { cluster, brokerName, brokerAddrs: this.#brokers.get(brokerName)?.addresses() ?? new Map() }
  }

  /** All topics. */
  topics(): string[] {
    return this.#topics.names()
  }

  /** The topics that brokers of this cluster have; none for an unknown cluster. */
  topicsOfCluster(clusterName: string): string[] {
    const brokerNames = this.#brokers.clusters().get(clusterName)
    return brokerNames ? this.#topics.namesOf(brokerNames) : []
  }

  /** Names of clusters and brokers, which are topics too, and the address of one broker. */
  systemTopics(): TopicList {
    const topics: string[] = []
    for (const [clusterName, brokerNames] of this.#brokers.clusters())
      topics.push(clusterName, ...brokerNames)
    const [first] = this.#brokers.all()
    const [brokerAddr] = first?.addresses().values() ?? []
    return { topics: [...new Set(topics)], ...(brokerAddr === undefined ? {} : { brokerAddr }) }
  }

  /** Topics of units. */
  unitTopics(): string[] {
    return this.#topics.namesByFlag(isUnit)
  }

  /** Topics that units subscribe to. */
  unitSubTopics(): string[] {
    return this.#topics.namesByFlag(isUnitSub)
  }

  /** Topics that units subscribe to and that are no unit's own. */
  unitSubUnUnitTopics(): string[] {
    return this.#topics.namesByFlag((flag) => isUnitSub(flag) && !isUnit(flag))
  }

  /**
   * Takes a broker out of sending: its topics are shown as not writable until they change or `addWritePerm`
   * is asked for.
   * @returns the number of its topics
   */
  wipeWritePerm(brokerName: string): number {
    return this.#topics.changePermissions(brokerName, (perm) => perm & ~Permission.WRITE)
  }

  /**
   * Puts back what `wipeWritePerm` took. The inherit bit of TBW102 stays, where RocketMQ drops it.
   * @returns the number of the broker's topics
   */
  addWritePerm(brokerName: string): number {
    return this.#topics.changePermissions(brokerName, (perm) => perm | Permission.READ | Permission.WRITE)
  }

  /**
   * Takes a topic's queues as they are given, beside those already known.
   * @returns false when one of them is of an unknown broker: then nothing changes
   * @throws MqError as `register`
   */
  registerTopic(topic: string, queueDatas: readonly QueueData[]): boolean {
    if (queueDatas.some(({ brokerName }) => this.#brokers.get(brokerName) === undefined)) return false
    for (const queues of queueDatas) this.#topics.checkRoom(queues.brokerName, [topic])
    for (const queues of queueDatas) {
      const brokerName = this.#brokers.get(queues.brokerName)?.name ?? queues.brokerName
      this.#topics.put(topic, { ...queues, brokerName })
    }
    return true
  }

  /** Forgets a topic, until a broker registers it again. */
  deleteTopic(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Forgets a topic of the brokers of one cluster. */
  deleteTopicOfCluster(topic: string, clusterName: string): void {
    this.#topics.deleteOf(topic, this.#brokers.clusters().get(clusterName) ?? [])
  }

  #accept(registration: BrokerRegistration, nowMs: number): RegisterOutcome {
    const { brokerId, brokerAddr, enableActingMaster, topics } = registration
    const broker = this.#brokers.open(ownText(registration.brokerName), ownText(registration.clusterName))
    const before = broker.members.get(brokerId)
    const isSame = before?.address === brokerAddr
    this.#brokers.moveTo(broker, ownText(registration.clusterName))
    broker.enableActingMaster = enableActingMaster ?? false
    broker.zoneName = registration.zoneName === undefined ? undefined : ownText(registration.zoneName)
    const member: BrokerMember = {
      brokerId,
      address: ownText(brokerAddr),
      haServerAddr: ownText(registration.haServerAddr),
      // If its topics find no room, the broker stays with the state they had, so that they are tried again.
      dataVersion: isSame ? before.dataVersion : NO_VERSION,
      peerId: registration.peerId,
      timeoutMs: registration.timeoutMs ?? BROKER_TIMEOUT_MS,
      seenMs: nowMs,
    }
    this.#brokers.putMember(broker, member)
    const isChanged = !isSame || !isSameVersion(before.dataVersion, topics.dataVersion)
    const isActing =
      brokerId !== MASTER_ID && enableActingMaster !== undefined && brokerId === broker.brokerIdMin
    if (brokerId === MASTER_ID || isActing) this.#takeTopics(broker, topics, { isChanged, isActing })
    this.#brokers.putMember(broker, { ...member, dataVersion: topics.dataVersion })
    return {
      status: 'registered',
      isFirst: before === undefined,
      replaced: isSame ? undefined : before?.address,
      master: brokerId === MASTER_ID ? undefined : broker.members.get(MASTER_ID),
    }
  }

  #takeTopics(broker: Broker, table: TopicConfigTable, how: { isChanged: boolean; isActing: boolean }): void {
    const brokerName = broker.name
    const configs = [...table.topicConfigTable.values()]
    const taken = configs.filter(({ topicName }) => how.isChanged || !this.#topics.has(topicName, brokerName))
    this.#topics.checkRoom(
      brokerName,
      taken.map(({ topicName }) => topicName),
    )
    if (this.#rules.deleteTopicWithBrokerRegistration && table.topicQueueMappingInfoMap.size === 0) {
      this.#topics.retain(brokerName, new Set(configs.map(({ topicName }) => topicName)))
    }
    const isReadOnly = how.isActing && broker.enableActingMaster
    for (const config of taken)
      this.#topics.put(config.topicName, queueDataOf(brokerName, config, isReadOnly))
    if (!how.isChanged) return
    for (const [topic, mapping] of table.topicQueueMappingInfoMap)
      this.#topics.putMapping(topic, brokerName, mapping)
  }

  #unregisterWhere(isOver: (member: BrokerMember) => boolean): BrokerAddress[] {
    const over: BrokerAddress[] = []
    for (const broker of this.#brokers.all()) {
      for (const member of broker.members.values()) {
        if (isOver(member)) over.push({ brokerName: broker.name, address: member.address })
      }
    }
    this.unregister(over)
    return over
  }

  /** Draws the consequences for brokers that lost a member. */
  #settle(brokers: Iterable<Broker>): void {
    const gone = new Set<string>()
    for (const broker of brokers) {
      if (broker.members.size === 0) {
        this.#brokers.remove(broker)
        gone.add(broker.name)
      } else if (broker.enableActingMaster && !broker.hasMaster) {
        // The slave that stands in for the master takes no messages.
        this.wipeWritePerm(broker.name)
      }
    }
    this.#topics.removeBrokers(gone)
  }

  /**
   * A broker without master shows its first slave as one, where it may and the topic is not to be written to.
   */
  #brokerDataFor(topic: string, broker: Broker, queues: QueueData): BrokerData {
    const data = broker.data()
    const brokerIdMin = broker.brokerIdMin
    if (
      !this.#rules.supportActingMaster ||
      !broker.enableActingMaster ||
      broker.hasMaster ||
      brokerIdMin === undefined ||
      isWritable(queues.perm) ||
      topic.startsWith(MEMBER_GROUP_TOPIC_PREFIX)
    ) {
      return data
    }
    const entries = Array.from(
      data.brokerAddrs,
      ([id, address]) => [id === brokerIdMin ? MASTER_ID : id, address] as const,
    )
    return { ...data, brokerAddrs: new Map(entries) }
  }
}

/** A version that no broker sends. */
const NO_VERSION: DataVersion = { counter: -1, stateVersion: -1, timestamp: -1 }

function queueDataOf(brokerName: string, config: TopicConfig, isReadOnly: boolean): QueueData {
  return {
    brokerName,
    readQueueNums: config.readQueueNums,
    writeQueueNums: config.writeQueueNums,
    perm: isReadOnly ? config.perm & ~Permission.WRITE : config.perm,
    topicSysFlag: config.topicSysFlag,
  }
}

function isUnit(topicSysFlag: number): boolean {
  return (topicSysFlag & TopicSysFlag.UNIT) !== 0
}

function isUnitSub(topicSysFlag: number): boolean {
  return (topicSysFlag & TopicSysFlag.UNIT_SUB) !== 0
}
