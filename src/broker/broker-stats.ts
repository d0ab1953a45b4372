import type { Clock, Timer } from '../base/host.ts'
import type { BrokerStats as BrokerStatsItems } from '../protocol/broker-stats.ts'
import { SystemGroup, SystemTopic } from '../protocol/names.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import { type BrokerCounters, SAMPLE_INTERVAL_MS } from './broker-counters.ts'
import type { ConsumerOffsets, QueueOffsets } from './consumer-offsets.ts'
import { PutLatency } from './put-latency.ts'
import type { Topic, TopicTable } from './topic-table.ts'
import { Traffic, type TrafficUnit } from './traffic.ts'

/** What a traffic belongs to; it is watched no longer when that is deleted (R20). */
interface TrafficOwner {
  readonly isDeleted: boolean
}

const MINUTE_TICKS = 60_000 / SAMPLE_INTERVAL_MS

/**
 * The statistics of a broker by topic and group over a minute, an hour and a day: RocketMQ's
 * BrokerStatsManager. What is counted lives with the topic and with the group's offsets, so that counting
 * costs an addition and no lookup.
 */
export class BrokerStats {
  readonly putLatency: PutLatency
  readonly #clock: Clock
  readonly #counters: BrokerCounters
  readonly #topics: TopicTable
  readonly #offsets: ConsumerOffsets
  readonly #clusterName: string
  /** Those that have ever counted something. */
  readonly #watched = new Map<Traffic, TrafficOwner>()
  readonly #brokerAcks = new Traffic()
  readonly #brokerCheckPoints = new Traffic()
  readonly #brokerPuts = new Traffic()
  readonly #brokerGets = new Traffic()
  readonly #userPuts = new Traffic()
  readonly #userGets = new Traffic()
  #tick = 0
  #timer: Timer | undefined

  constructor(parts: {
    clock: Clock
    counters: BrokerCounters
    topics: TopicTable
    offsets: ConsumerOffsets
    clusterName: string
  }) {
    this.#clock = parts.clock
    this.#counters = parts.counters
    this.#topics = parts.topics
    this.#offsets = parts.offsets
    this.#clusterName = parts.clusterName
    this.putLatency = new PutLatency(parts.clock, () => parts.counters.put)
  }

  start(): void {
    this.#sample()
    this.#timer = this.#clock.after(SAMPLE_INTERVAL_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** How many topics and groups are sampled. */
  get watchedCount(): number {
    return this.#watched.size
  }

  /** A message takes so many bytes of the log. */
  put(topic: Topic, queueId: number, bytes: number): void {
    const { puts } = topic
    if (puts.times === 0) this.#watched.set(puts, topic)
    puts.addIn(queueId, 1, bytes)
    this.#counters.putRecordBytes += bytes
    if (!topic.isSystem) this.#counters.userPut++
  }

  /** A message that was put aside for later goes to the queue that it is for: it counts once more, as in RocketMQ. */
  delivered(topicName: string, queueId: number, bytes: number): void {
    const topic = this.#topics.get(topicName)
    if (topic) this.put(topic, queueId, bytes)
    this.#counters.put++
  }

  /** A message of a delay level has come due: RocketMQ counts it as fetched by a group of its own. */
  cameDue(level: number, bytes: number): void {
    const offsets = this.#offsets.of(SystemGroup.SCHEDULE_CONSUMER, SystemTopic.SCHEDULE)
    if (offsets.gets.times === 0) this.#watched.set(offsets.gets, offsets)
    offsets.gets.addIn(level - 1, 1, bytes)
  }

  /** So many messages, which are put one by one, came in one request. */
  batched(topic: Topic, queueId: number, count: number): void {
    const { puts } = topic
    if (puts.times === 0) this.#watched.set(puts, topic)
    puts.joined(queueId, count - 1)
  }

  /** The waiter for a message about to be put, or what hears in its place how long that takes. */
  timed(waiter: AppendWaiter | undefined, topic: Topic): AppendWaiter | undefined {
    return waiter && this.putLatency.isFree ? this.putLatency.watch(waiter, topic.puts) : waiter
  }

  /** The store has refused a message whose waiter came from `timed`. */
  refused(waiter: AppendWaiter | undefined): void {
    this.#counters.putFailed++
    if (waiter === this.putLatency) this.putLatency.cancel()
  }

  /** Hears of what groups fetch, while somebody counts it against a quota. */
  onGotten: ((topic: string, group: string, count: number, bytes: number) => void) | undefined

  /** A group has fetched messages. */
  gotten(topic: Topic, offsets: QueueOffsets, queueId: number, count: number, bytes: number): void {
    const { gets } = offsets
    if (gets.times === 0) this.#watched.set(gets, offsets)
    gets.addIn(queueId, count, bytes)
    if (!topic.isSystem) this.#counters.userGotten += count
    this.onGotten?.(topic.name, offsets.group, count, bytes)
  }

  /** Messages that a group asks for had to be read from the disk, in so many milliseconds. */
  loaded(offsets: QueueOffsets, queueId: number, ms: number): void {
    this.#counters.loadMsMax = Math.max(this.#counters.loadMsMax, ms)
    offsets.gets.took(queueId, ms)
  }

  /** A group has given a message back. */
  sentBack(offsets: QueueOffsets): void {
    offsets.backs ??= this.#watchedTraffic(offsets)
    offsets.backs.add(1, 0)
  }

  /** A message of a group goes to its dead letters. */
  buried(offsets: QueueOffsets): void {
    offsets.deaths ??= this.#watchedTraffic(offsets)
    offsets.deaths.add(1, 0)
  }

  /** A group has acknowledged a popped message, or has exchanged its handle for another. */
  acked(offsets: QueueOffsets): void {
    offsets.acks ??= this.#watchedTraffic(offsets)
    offsets.acks.add(1, 0)
    this.#brokerAcks.count++
  }

  /** A check point says what a group holds. */
  checkPointed(offsets: QueueOffsets): void {
    offsets.checkPoints ??= this.#watchedTraffic(offsets)
    offsets.checkPoints.add(1, 0)
    this.#brokerCheckPoints.count++
  }

  #watchedTraffic(owner: TrafficOwner): Traffic {
    const traffic = new Traffic()
    this.#watched.set(traffic, owner)
    return traffic
  }

  /**
   * A statistic by RocketMQ's name and key: `TOPIC_PUT_NUMS` of a topic, `GROUP_GET_NUMS` of `topic@group`,
   * `BROKER_PUT_NUMS` of the cluster, and so on.
   * @returns undefined when nothing of the kind was ever counted
   */
  find(name: string, key: string): BrokerStatsItems | undefined {
    const [traffic, unit] = this.#trafficOf(name, key)
    if (traffic) return traffic.count > 0 ? traffic.stats(unit, this.#clock.monoMs()) : undefined
    return this.#ofQueue(name, key)
  }

  /**
   * Statistics of one queue. Under QUEUE_GET_NUMS RocketMQ counts what comes due in the queues of its delay levels only; here also
   * what groups fetch.
   */
  #ofQueue(name: string, key: string): BrokerStatsItems | undefined {
    const [first = '', second = '', group = ''] = key.split('@')
    const [firstId, secondId] = [Number.parseInt(first, 10), Number.parseInt(second, 10)]
    const monoMs = this.#clock.monoMs()
    switch (name) {
      case 'QUEUE_PUT_NUMS':
        return this.#topics.get(first)?.puts.queueStats(secondId, 'count', monoMs)
      case 'QUEUE_PUT_SIZE':
        return this.#topics.get(first)?.puts.queueStats(secondId, 'bytes', monoMs)
      case 'QUEUE_GET_NUMS':
        return this.#offsets.find(group, first)?.gets.queueStats(secondId, 'count', monoMs)
      case 'QUEUE_GET_SIZE':
        return this.#offsets.find(group, first)?.gets.queueStats(secondId, 'bytes', monoMs)
      case 'TOPIC_PUT_LATENCY':
        return this.#topics.get(second)?.puts.queueStats(firstId, 'timedMs', monoMs)
      case 'GROUP_GET_LATENCY':
        return this.#offsets.find(group, second)?.gets.queueStats(firstId, 'ms', monoMs)
      default:
        return undefined
    }
  }

  #trafficOf(name: string, key: string): [Traffic | undefined, TrafficUnit] {
    switch (name) {
      case 'TOPIC_PUT_NUMS':
        return [this.#topics.get(key)?.puts, 'count']
      case 'TOPIC_PUT_SIZE':
        return [this.#topics.get(key)?.puts, 'bytes']
      case 'GROUP_GET_NUMS':
        return [this.#offsetsOf(key)?.gets, 'count']
      case 'GROUP_GET_SIZE':
        return [this.#offsetsOf(key)?.gets, 'bytes']
      case 'GROUP_ACK_NUMS':
        return [this.#offsetsOf(key)?.acks, 'count']
      case 'GROUP_CK_NUMS':
        return [this.#offsetsOf(key)?.checkPoints, 'count']
      case 'SNDBCK2DLQ_TIMES':
        return [this.#deathsOf(key), 'count']
      case 'SNDBCK_PUT_NUMS':
        return [this.#offsetsOf(key)?.backs, 'count']
      default:
        return [key === this.#clusterName ? this.#totalOf(name) : undefined, 'count']
    }
  }

  #totalOf(name: string): Traffic | undefined {
    this.#countTotals()
    switch (name) {
      case 'BROKER_PUT_NUMS':
        return this.#brokerPuts
      case 'BROKER_GET_NUMS':
        return this.#brokerGets
      case 'BROKER_ACK_NUMS':
        return this.#brokerAcks
      case 'BROKER_CK_NUMS':
        return this.#brokerCheckPoints
      case 'BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC':
        return this.#userPuts
      case 'BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC':
        return this.#userGets
      default:
        return undefined
    }
  }

  /** @param key `topic@group` */
  #offsetsOf(key: string): QueueOffsets | undefined {
    const at = key.indexOf('@')
    return at < 0 ? undefined : this.#offsets.find(key.slice(at + 1), key.slice(0, at))
  }

  /** @param key as RocketMQ's commercial statistics are asked for: `Owner@topic@group@SEND_BACK_TO_DLQ` */
  #deathsOf(key: string): Traffic | undefined {
    const [owner, topic = '', group = '', type] = key.split('@')
    const isWanted = owner === 'Owner' && type === 'SEND_BACK_TO_DLQ'
    return isWanted ? this.#offsets.find(group, topic)?.deaths : undefined
  }

  #sample(): void {
    const monoMs = this.#clock.monoMs()
    const tick = this.#tick++
    this.#counters.sample()
    this.#sampleTotals(tick, monoMs)
    for (const [traffic, owner] of this.#watched) {
      if (owner.isDeleted) this.#watched.delete(traffic)
      else traffic.sample(tick, monoMs)
    }
    if (tick > 0 && tick % MINUTE_TICKS === 0) this.putLatency.turnMinute()
  }

  /**
   * The totals are counted elsewhere already; their traffics only take the samples. RocketMQ counts no calls
   * here either.
   */
  #sampleTotals(tick: number, monoMs: number): void {
    this.#countTotals()
    const totals = [this.#brokerPuts, this.#brokerGets, this.#userPuts, this.#userGets]
    for (const traffic of [...totals, this.#brokerAcks, this.#brokerCheckPoints]) traffic.sample(tick, monoMs)
  }

  #countTotals(): void {
    const { put, gotten, userPut, userGotten } = this.#counters
    this.#brokerPuts.count = put
    this.#brokerGets.count = gotten
    this.#userPuts.count = userPut
    this.#userGets.count = userGotten
  }
}
