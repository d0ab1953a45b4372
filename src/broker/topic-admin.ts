import { MqError } from '../base/errors.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { SystemTopic } from '../protocol/names.ts'
import { isValidPermission } from '../protocol/permission.ts'
import type { TopicConfig } from '../protocol/topic-config.ts'
import type { TopicOffset, TopicStats } from '../protocol/topic-stats.ts'
import { alterAttributes, topicAttributeRules } from './attributes.ts'
import type { Broker } from './broker.ts'
import { storedMsAt } from './stored-time.ts'
import { WorkSlices } from './work-slices.ts'

/** Most queues of a topic. */
const QUEUES_MAX = 65_536

/** What an admin does with topics (protocol/requests.md §7). */
export class TopicAdmin {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * Makes or changes topics; none of them when one is refused. Those that are already as asked stay
   * untouched.
   * @param wanted with `+name` and `-name` as attributes: changes of what is there
   * @throws MqError invalidParameter
   */
  put(wanted: readonly TopicConfig[]): void {
    const { topics } = this.#broker
    const changed = wanted
      .map((config) => this.#configOf(config))
      .filter((config) => {
        const known = topics.get(config.topicName)
        return known === undefined || known.isSystem || !isSameTopic(config, known.config)
      })
    if (changed.length > 0) topics.putAll(changed)
  }

  /**
   * Deletes a topic, with the topics in which groups retry what they popped from it.
   * @throws MqError invalidParameter
   */
  delete(name: string): void {
    if (name.trim() === '') throw new MqError('invalidParameter', 'the topic is blank')
    this.#broker.deleteTopic(name)
  }

  /**
   * Deletes the queues of topics that no longer exist; system topics keep theirs. @returns the topics' names
   */
  deleteUnusedQueues(): string[] {
    const { store, topics } = this.#broker
    const unused = store.queues.topicsOnDisk().filter((name) => !topics.get(name) && !topics.isSystem(name))
    for (const name of unused) store.deleteTopic(name)
    return unused
  }

  /** How far a topic's queues reach. @throws MqError topicNotExist */
  async stats(name: string): Promise<TopicStats> {
    const { host, queries, settings, store, topics } = this.#broker
    const { config, puts } = topics.require(name)
    const slices = new WorkSlices(host.clock)
    const offsetTable = new Map<MessageQueue, TopicOffset>()
    for (let queueId = 0; queueId < Math.max(config.readQueueNums, config.writeQueueNums); queueId++) {
      if (slices.isDue()) await slices.pause()
      const queue = { topic: name, brokerName: settings.brokerName, queueId }
      const maxOffset = queries.max(queue)
      const lastUpdateTimestamp = storedMsAt(store, queue, maxOffset - 1) ?? 0
      offsetTable.set(queue, { minOffset: queries.min(queue), maxOffset, lastUpdateTimestamp })
    }
    return { offsetTable, topicPutTps: puts.tps(host.clock.monoMs()) }
  }

  /** Names of RocketMQ's own topics, those of this cluster and broker included. */
  systemTopics(): string[] {
    const { topics } = this.#broker
    const own = topics.all().filter(({ isSystem }) => isSystem)
    return [...new Set([...Object.values(SystemTopic), ...own.map(({ name }) => name)])]
  }

  /** Groups that consume a topic: those online, and those with offsets in it. */
  groupsOf(topic: string): string[] {
    const { clients, offsets } = this.#broker
    return [...new Set([...clients.groupsSubscribedTo(topic), ...offsets.groupsOf(topic)])]
  }

  #configOf(wanted: TopicConfig): TopicConfig {
    const { perm, readQueueNums, topicName, writeQueueNums } = wanted
    checkQueueNums('readQueueNums', readQueueNums)
    checkQueueNums('writeQueueNums', writeQueueNums)
    if (!isValidPermission(perm))
      throw new MqError('invalidParameter', `perm wants a number from 0 to 7, not ${perm}`)
    const current = this.#broker.topics.get(topicName)?.config.attributes
    return { ...wanted, attributes: alterAttributes(topicAttributeRules, current, wanted.attributes) }
  }
}

function checkQueueNums(name: string, value: number): void {
  if (value >= 1 && value <= QUEUES_MAX) return
  throw new MqError('invalidParameter', `${name} wants a number from 1 to ${QUEUES_MAX}, not ${value}`)
}

function isSameTopic(config: TopicConfig, known: TopicConfig): boolean {
  const { attributes, ...rest } = config
  const isSameRest = Object.entries(rest).every(([name, value]) => known[name as keyof TopicConfig] === value)
  const isSameSize = attributes.size === known.attributes.size
  return (
    isSameRest && isSameSize && [...attributes].every(([name, value]) => known.attributes.get(name) === value)
  )
}
