import type { Host, Timer } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { popRetryTopicOf, popRetryTopicV2Of } from '../protocol/names.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { RecoveryReport } from '../store/recovery.ts'
import { Arrivals } from './arrivals.ts'
import { BrokerCounters } from './broker-counters.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { BrokerStats } from './broker-stats.ts'
import { ClientRegistry } from './client-registry.ts'
import { ConsumerOffsets } from './consumer-offsets.ts'
import { Deduplication } from './dedup/deduplication.ts'
import { delayDiversion } from './delay-diversion.ts'
import { DelaySchedule } from './delay-schedule.ts'
import { ConsumerFilters } from './filter/consumer-filters.ts'
import { FilterSelection } from './filter/filter-selection.ts'
import { FormerHolders } from './former-holders.ts'
import { MessageCopier } from './message-copier.ts'
import { MessagePuller } from './message-puller.ts'
import { MessageRetry } from './message-retry.ts'
import { MessageSender } from './message-sender.ts'
import { Metadata, type MetadataTable } from './metadata.ts'
import { OffsetChanges } from './offset-changes.ts'
import { OffsetQueries } from './offset-queries.ts'
import { MessageRequestModes } from './pop/message-request-modes.ts'
import { PopService } from './pop/pop-service.ts'
import { QueueFence } from './queue-fence.ts'
import { QueueLocks } from './queue-locks.ts'
import { Quotas } from './quotas.ts'
import { SubscriptionGroupTable } from './subscription-group-table.ts'
import { timerDiversion } from './timer/timer-message.ts'
import { TimerSchedule } from './timer/timer-schedule.ts'
import { TopicTable } from './topic-table.ts'
import { transactionDiversion } from './transaction/transaction-diversion.ts'
import { Transactions } from './transaction/transactions.ts'

const EXPIRY_INTERVAL_MS = 10_000

/** What a broker is made of. */
interface BrokerParts {
  readonly settings: BrokerSettings
  readonly host: Host
  readonly turn: Turn
  readonly store: MessageStore
  readonly processId: number
}

/** The core of a broker: what all doors have in common. It knows topics, groups, messages and offsets, and no frames. */
export class Broker {
  readonly settings: BrokerSettings
  readonly host: Host
  readonly store: MessageStore
  readonly topics: TopicTable
  readonly groups: SubscriptionGroupTable
  readonly offsets: ConsumerOffsets
  readonly offsetChanges: OffsetChanges
  readonly clients = new ClientRegistry()
  readonly arrivals = new Arrivals()
  readonly locks = new QueueLocks()
  readonly formerHolders = new FormerHolders()
  readonly fence: QueueFence
  readonly consumerFilters: ConsumerFilters
  readonly filters: FilterSelection
  readonly sender: MessageSender
  readonly dedup: Deduplication
  readonly copier: MessageCopier
  readonly delays: DelaySchedule
  readonly timers: TimerSchedule
  readonly retry: MessageRetry
  readonly transactions: Transactions
  readonly puller: MessagePuller
  readonly queries: OffsetQueries
  readonly pops: PopService
  readonly requestModes: MessageRequestModes
  readonly counters: BrokerCounters
  readonly stats: BrokerStats
  readonly quotas = new Quotas()
  /** Hears of connections whose clients have been silent too long. Set by the doors. */
  onClientsExpired: (connectionIds: readonly number[]) => void = () => undefined
  readonly #metadata: Metadata
  #expiryTimer: Timer | undefined
  #startedMs = 0

  constructor(parts: BrokerParts) {
    const { settings, host, turn, store } = parts
    const { clock, disk, log, random } = host
    const atWork = (callback: () => void): void => turn.atWork(callback)
    this.settings = settings
    this.host = host
    this.store = store
    store.onArrival = this.arrivals.arrived
    this.topics = new TopicTable(settings, store, clock)
    this.groups = new SubscriptionGroupTable(settings, clock)
    this.offsets = new ConsumerOffsets(clock, atWork)
    this.offsetChanges = new OffsetChanges(clock)
    this.counters = new BrokerCounters(clock)
    const { arrivals, clients, counters, groups, locks, offsets, topics } = this
    this.stats = new BrokerStats({
      ...{ clock, counters, topics, offsets, clusterName: settings.brokerClusterName },
    })
    this.consumerFilters = new ConsumerFilters(clock)
    this.filters = new FilterSelection(settings, this.consumerFilters)
    clients.onSubscribed = (group, subscriptions) => this.consumerFilters.register(group, subscriptions)
    clients.onGroupGone = (group) => this.consumerFilters.unregister(group)
    // a client that stops in the middle of a rebalance gives back only what it knows it has
    clients.onFarewell = (group, clientId) => locks.release(group, clientId)
    // of what is here each feature names what it uses
    const core = {
      ...{ settings, store, clock, disk, log, turn, atWork, arrivals, clients, counters },
      ...{ groups, locks, offsets, topics, stats: this.stats, filters: this.filters },
    }
    const { processId } = parts
    this.sender = new MessageSender({ ...core, random: random.fork('sender'), processId })
    this.dedup = new Deduplication(core)
    if (this.dedup.isOn) this.sender.dedup = this.dedup
    this.copier = new MessageCopier(store, this.sender.storeHost)
    const copying = { ...core, copier: this.copier, sender: this.sender, storeHost: this.sender.storeHost }
    this.delays = new DelaySchedule(copying)
    this.timers = new TimerSchedule(copying)
    this.retry = new MessageRetry({ ...copying, random: random.fork('retry') })
    this.transactions = new Transactions(copying)
    // a message that is not committed yet has no delay: it is put off when it is
    this.sender.diverters = [
      this.retry.divert,
      transactionDiversion(settings, topics),
      delayDiversion(store, topics),
      timerDiversion(settings, store, topics),
    ]
    const { formerHolders } = this
    locks.onTaken = (group, queue, clientId) => formerHolders.taken(group, queue, clientId)
    locks.onReleased = (group, queue) => formerHolders.released(group, queue)
    this.fence = new QueueFence({ ...core, formerHolders })
    this.puller = new MessagePuller({ ...core, fence: this.fence })
    this.queries = new OffsetQueries(core)
    this.pops = new PopService({ ...copying, random: random.fork('pop'), queries: this.queries })
    this.requestModes = new MessageRequestModes(core)
    this.#metadata = new Metadata({ host, turn, store: store.settings, tables: this.#tables })
  }

  /** What is kept beside the log: read at the start, written when it changes. */
  get #tables(): readonly MetadataTable[] {
    return [
      this.topics,
      this.groups,
      this.offsets,
      this.offsetChanges,
      this.delays,
      this.transactions,
      this.consumerFilters,
      this.pops.order,
      this.requestModes,
      this.formerHolders,
    ]
  }

  /** Wall clock at the start. */
  get startedMs(): number {
    return this.#startedMs
  }

  /** Opens store and tables. @throws MqError storeLocked, storeUnreadable */
  open(): RecoveryReport {
    this.#startedMs = this.host.clock.nowMs()
    const report = this.store.open()
    this.#metadata.open()
    this.formerHolders.start(this.#startedMs)
    this.topics.addSystemTopics()
    this.groups.addSystemGroups()
    this.stats.start()
    this.delays.start()
    this.timers.start()
    this.transactions.start()
    this.dedup.start()
    this.pops.start()
    this.#armExpiry()
    return report
  }

  /** Holds clients to quotas from now on. @throws MqError badSetting */
  setQuotas(rules: string): void {
    const { clock } = this.host
    this.quotas.setRules(rules)
    this.stats.onGotten = this.quotas.has('pull')
      ? (topic, group, messages, bytes) =>
          this.quotas.charge('pull', { topic, group }, { messages, bytes, nowMs: clock.monoMs() })
      : undefined
  }

  /**
   * Deletes a topic with its queues and its groups' offsets in it, and what groups that popped from it were to try again.
   * @throws MqError noPermission
   */
  deleteTopic(topic: string): void {
    const groups = this.offsets.groupsOf(topic)
    const retryTopics = groups.flatMap((group) => [
      popRetryTopicOf(group, topic),
      popRetryTopicV2Of(group, topic),
    ])
    for (const name of [topic, ...retryTopics.filter((each) => this.topics.get(each))]) {
      this.topics.delete(name)
      this.offsets.deleteTopic(name)
    }
  }

  /** Deletes a group, and its offsets where told so. */
  deleteGroup(group: string, isOffsetsToo: boolean): void {
    this.groups.delete(group)
    if (isOffsetsToo) this.offsets.deleteGroup(group)
  }

  /** Stops with everything on disk. Doors have stopped taking requests before. */
  async close(): Promise<void> {
    this.#expiryTimer?.cancel()
    this.stats.stop()
    this.delays.stop()
    await this.timers.close()
    this.transactions.stop()
    this.dedup.stop()
    this.pops.stop()
    await this.#metadata.close()
    await this.store.close()
  }

  #armExpiry(): void {
    this.#expiryTimer = this.host.clock.after(EXPIRY_INTERVAL_MS, () => {
      const nowMs = this.host.clock.nowMs()
      const expired = this.clients.expire(nowMs)
      this.locks.expire(nowMs)
      this.formerHolders.expire(nowMs)
      if (expired.length > 0) this.onClientsExpired(expired)
      this.#armExpiry()
    })
  }
}
