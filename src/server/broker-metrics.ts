import type { Broker } from '../broker/broker.ts'
import type { QueueOffsets } from '../broker/consumer-offsets.ts'
import { storedMsAt } from '../broker/stored-time.ts'
import type { Topic } from '../broker/topic-table.ts'
import { WorkSlices } from '../broker/work-slices.ts'
import { versionName } from '../protocol/client-version.ts'
import { languageName } from '../protocol/language.ts'
import { isDlqTopic, isRetryTopic, isSystemGroup } from '../protocol/names.ts'

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric: what it is called, and how its values are found when somebody asks. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly samples: (scrape: Scrape) => Iterable<Sample> | Promise<Iterable<Sample>>
}

/** How far a group is behind in a topic. */
interface Lag {
  readonly labels: Sample['labels']
  behind: number
  inFlight: number
  /** Age of the oldest message not yet consumed, in ms. */
  latencyMs: number
}

/** One reading of all metrics: what several of them are told from is found once. */
export class Scrape {
  readonly broker: Broker
  #lags: Promise<readonly Lag[]> | undefined

  constructor(broker: Broker) {
    this.broker = broker
  }

  get lags(): Promise<readonly Lag[]> {
    this.#lags ??= lagsOf(this.broker)
    return this.#lags
  }
}

const TOPIC = ['topic', 'message_type', 'is_system'] as const
const GROUP = ['topic', 'consumer_group', 'is_system'] as const
const LAG = ['topic', 'consumer_group', 'is_retry', 'is_system'] as const
const STORAGE = ['storage_type', 'storage_medium'] as const
const LOCAL_DISK = { storage_type: 'local', storage_medium: 'disk' }

/**
 * What a broker tells Prometheus: names, kinds and labels of RocketMQ 5 (BrokerMetricsConstant,
 * DefaultStoreMetricsConstant), with the unit at the end as its exporter writes them. All of it is read from plain counters
 * and tables when asked, so that nothing is counted for it on the paths of messages.
 */
export const brokerMetrics: readonly Metric[] = [
  counter('rocketmq_messages_in_total', 'Messages stored', TOPIC, ({ broker }) =>
    ofTopics(broker, ({ puts }) => puts.count),
  ),
  counter('rocketmq_throughput_in_total', 'Bytes of stored messages', TOPIC, ({ broker }) =>
    ofTopics(broker, ({ puts }) => puts.bytes),
  ),
  counter('rocketmq_messages_out_total', 'Messages handed to consumers', GROUP, ({ broker }) =>
    ofGroups(broker, ({ gets }) => gets.count),
  ),
  counter('rocketmq_throughput_out_total', 'Bytes handed to consumers', GROUP, ({ broker }) =>
    ofGroups(broker, ({ gets }) => gets.bytes),
  ),
  counter('rocketmq_send_to_dlq_messages_total', 'Messages that became dead letters', GROUP, ({ broker }) =>
    ofGroups(broker, ({ deaths }) => deaths?.count ?? 0),
  ),
  counter('ternmq_messages_out_again_total', 'Messages handed out again by pulls', GROUP, ({ broker }) =>
    ofGroups(broker, ({ againCount }) => againCount),
  ),
  counter(
    'ternmq_pulls_out_of_range_total',
    'Pulls of offsets that their queue does not have',
    GROUP,
    ({ broker }) => ofGroups(broker, ({ outOfRangeCount }) => outOfRangeCount),
  ),
  gauge('rocketmq_broker_permission', '4 read, 2 write, 6 both', [], ({ broker: { settings } }) =>
    one(settings.brokerPermission),
  ),
  gauge('rocketmq_topic_number', 'Topics', [], ({ broker: { topics } }) => one(topics.count)),
  gauge('rocketmq_consumer_group_number', 'Consumer groups', [], ({ broker: { groups } }) =>
    one(groups.count),
  ),
  gauge(
    'rocketmq_producer_connections',
    'Connected producers',
    ['language', 'version', 'protocol_type'],
    producerConnections,
  ),
  gauge(
    'rocketmq_consumer_connections',
    'Connected consumers',
    ['consumer_group', 'language', 'version', 'consume_mode', 'protocol_type', 'is_system'],
    consumerConnections,
  ),
  gauge('rocketmq_consumer_lag_messages', 'Messages not yet consumed', LAG, (scrape) =>
    ofLags(scrape, ({ behind }) => behind),
  ),
  gauge(
    'rocketmq_consumer_lag_latency_milliseconds',
    'Age of the oldest message not yet consumed',
    LAG,
    (scrape) => ofLags(scrape, ({ latencyMs }) => latencyMs),
  ),
  gauge('rocketmq_consumer_inflight_messages', 'Messages fetched and not yet consumed', LAG, (scrape) =>
    ofLags(scrape, ({ inFlight }) => inFlight),
  ),
  gauge('rocketmq_consumer_ready_messages', 'Messages not yet fetched', LAG, (scrape) =>
    ofLags(scrape, ({ behind, inFlight }) => behind - inFlight),
  ),
  gauge('rocketmq_storage_size_bytes', 'Bytes of the log', STORAGE, ({ broker: { store } }) =>
    one(store.log.end - store.log.minOffset, LOCAL_DISK),
  ),
  gauge(
    'rocketmq_storage_flush_behind_bytes',
    'Bytes of the log that the disk has not confirmed',
    STORAGE,
    ({ broker: { store } }) => one(store.log.end - store.log.durableEnd, LOCAL_DISK),
  ),
  gauge(
    'rocketmq_storage_dispatch_behind_bytes',
    'Bytes of the log that may not be read yet',
    STORAGE,
    ({ broker: { store } }) => one(store.log.end - store.confirmedEnd, LOCAL_DISK),
  ),
  gauge(
    'rocketmq_storage_message_reserve_time_milliseconds',
    'Age of the oldest message',
    STORAGE,
    ({ broker: { host, store } }) => {
      const oldestMs = store.earliestStoredMs()
      return one(oldestMs === undefined ? 0 : host.clock.nowMs() - oldestMs, LOCAL_DISK)
    },
  ),
  counter('rocketmq_commit_messages_total', 'Transactions committed', [], ({ broker: { transactions } }) =>
    one(transactions.committedCount),
  ),
  counter(
    'rocketmq_rollback_messages_total',
    'Transactions rolled back',
    [],
    ({ broker: { transactions } }) => one(transactions.rolledBackCount),
  ),
  gauge('rocketmq_half_messages', 'Transactions that have not ended', [], ({ broker: { transactions } }) =>
    one(transactions.count),
  ),
  counter('rocketmq_timer_enqueue_total', 'Timer messages indexed', [], ({ broker: { counters } }) =>
    one(counters.timersIn),
  ),
  counter('rocketmq_timer_dequeue_total', 'Timer messages delivered', [], ({ broker: { counters } }) =>
    one(counters.timersOut),
  ),
  gauge('rocketmq_timer_enqueue_lag', 'Timer messages not yet indexed', [], ({ broker: { timers } }) =>
    one(timers.progress.end - timers.progress.indexed),
  ),
  gauge(
    'rocketmq_timer_dequeue_latency_milliseconds',
    'How late the next timer message is',
    [],
    ({ broker: { timers } }) => one(timers.progress.lateMs),
  ),
  gauge('rocketmq_timing_messages', 'Timer messages that wait', ['topic'], ({ broker: { timers } }) =>
    timers.counts().waiting.map(({ topic, count }) => ({ labels: { topic }, value: count })),
  ),
  counter(
    'ternmq_messages_passed_over_total',
    'Delayed, timed and popped messages that can never be delivered: the log says which',
    [],
    ({ broker: { counters } }) => one(counters.passedOver),
  ),
  gauge(
    'ternmq_store_writable',
    '1 while messages are taken, 0 while they are refused',
    [],
    ({ broker: { store } }) => one(store.refusal === undefined ? 1 : 0),
  ),
]

function counter(name: string, help: string, labels: readonly string[], samples: Metric['samples']): Metric {
  return { name, help, kind: 'counter', labels, samples }
}

function gauge(name: string, help: string, labels: readonly string[], samples: Metric['samples']): Metric {
  return { name, help, kind: 'gauge', labels, samples }
}

function one(value: number, labels: Sample['labels'] = {}): Sample[] {
  return [{ labels, value }]
}

/** RocketMQ does not count what groups give back and bury as incoming, nor as outgoing. */
function isCounted(topic: string): boolean {
  return !isRetryTopic(topic) && !isDlqTopic(topic)
}

function* ofTopics({ topics }: Broker, value: (topic: Topic) => number): Iterable<Sample> {
  for (const topic of topics.all()) {
    if (topic.puts.count === 0 || !isCounted(topic.name)) continue
    const messageType = topic.config.attributes.get('message.type') ?? 'NORMAL'
    const labels = {
      topic: topic.name,
      message_type: messageType.toLowerCase(),
      is_system: String(topic.isSystem),
    }
    yield { labels, value: value(topic) }
  }
}

function* ofGroups(broker: Broker, value: (offsets: QueueOffsets) => number): Iterable<Sample> {
  for (const offsets of broker.offsets.all()) {
    if (offsets.gets.count === 0 || !isCounted(offsets.topic)) continue
    yield { labels: groupLabels(broker, offsets), value: value(offsets) }
  }
}

function groupLabels({ topics }: Broker, { group, topic }: QueueOffsets): Record<string, string> {
  const isSystem = topics.isSystem(topic) || isSystemGroup(group)
  return { topic, consumer_group: group, is_system: String(isSystem) }
}

function producerConnections({ broker: { clients } }: Scrape): Iterable<Sample> {
  const connections = clients.producerGroupNames.flatMap((group) =>
    clients.producers(group).map(({ client }) => clientLabels(client)),
  )
  return counted(connections)
}

function consumerConnections({ broker: { clients } }: Scrape): Iterable<Sample> {
  const connections = clients.consumerGroups.flatMap((group) =>
    group.clients.map((client) => ({
      consumer_group: group.name,
      ...clientLabels(client),
      consume_mode: group.consumeType === 'CONSUME_PASSIVELY' ? 'push' : 'pull',
      is_system: String(isSystemGroup(group.name)),
    })),
  )
  return counted(connections)
}

function clientLabels({ language, version }: { language: number; version: number }): Record<string, string> {
  return {
    language: languageName(language).toLowerCase(),
    version: versionName(version).toLowerCase(),
    protocol_type: 'remoting',
  }
}

/** How many there are of each. */
function counted(all: readonly Record<string, string>[]): Iterable<Sample> {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>()
  for (const labels of all) {
    const key = JSON.stringify(labels)
    const known = counts.get(key)
    if (known) known.value++
    else counts.set(key, { labels, value: 1 })
  }
  return counts.values()
}

async function ofLags(scrape: Scrape, value: (lag: Lag) => number): Promise<Sample[]> {
  return (await scrape.lags).map((lag) => ({ labels: lag.labels, value: value(lag) }))
}

/** Walks all queues in slices, so that messages have their turns in between. */
async function lagsOf(broker: Broker): Promise<Lag[]> {
  const slices = new WorkSlices(broker.host.clock)
  const lags: Lag[] = []
  for (const offsets of [...broker.offsets.all()]) {
    if (!broker.topics.get(offsets.topic) || offsets.offsets.length === 0) continue
    const labels = { ...groupLabels(broker, offsets), is_retry: String(isRetryTopic(offsets.topic)) }
    const lag = { labels, behind: 0, inFlight: 0, latencyMs: 0 }
    lags.push(lag)
    for (const queueId of offsets.offsets.keys()) {
      if (slices.isDue()) await slices.pause()
      addQueue(lag, broker, offsets, queueId)
    }
  }
  return lags
}

function addQueue(lag: Lag, { host, queries, store }: Broker, offsets: QueueOffsets, queueId: number): void {
  const queue = { topic: offsets.topic, queueId }
  const committed = offsets.get(queueId)
  if (committed === undefined) return
  const end = queries.max(queue)
  const next = Math.max(committed, queries.min(queue))
  if (next >= end) return
  lag.behind += end - next
  lag.inFlight += Math.max(0, Math.min(offsets.pulled(queueId), end) - next)
  const storedMs = storedMsAt(store, queue, next)
  if (storedMs !== undefined) lag.latencyMs = Math.max(lag.latencyMs, host.clock.nowMs() - storedMs)
}
