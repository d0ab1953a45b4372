import { MqError } from '../base/errors.ts'
import type { Clock } from '../base/host.ts'
import {
  DATA_VERSION_ZERO,
  type DataVersion,
  dataVersionJson,
  nextDataVersion,
} from '../protocol/data-version.ts'
import type { FastJson } from '../protocol/fastjson.ts'
import { prettyFastJson, writeFastJson } from '../protocol/fastjson-writer.ts'
import { checkTopic, isRetryTopic, isSystemTopic, replyTopicOf, SystemTopic } from '../protocol/names.ts'
import { isInherited, Permission } from '../protocol/permission.ts'
import { TopicSysFlag } from '../protocol/sys-flag.ts'
import {
  decodeTopicConfig,
  decodeTopicConfigTable,
  type TopicConfig,
  topicConfig,
  topicConfigJson,
} from '../protocol/topic-config.ts'
import type { TopicQueues } from '../store/consume-queue-table.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { MetadataTable } from './metadata.ts'
import { QueueTraffic } from './queue-traffic.ts'

/** A topic as the broker works with it. The object lives as long as the topic: hot paths may keep it and look at `isDeleted`. */
export interface Topic {
  readonly name: string
  config: TopicConfig
  readonly queues: TopicQueues
  /** See `TopicTable.isSystem`. */
  readonly isSystem: boolean
  /** Whether it holds messages that a group is to try again. */
  readonly isRetry: boolean
  /** Messages stored. */
  readonly puts: QueueTraffic
  isDeleted: boolean
}

/** What the table asks of the store. */
export interface TopicStore {
  topic(name: string): TopicQueues
  deleteTopic(name: string): void
}

/** All topics of a broker: RocketMQ's TopicConfigManager and topics.json. */
export class TopicTable implements MetadataTable {
  readonly fileName = 'topics.json'
  readonly journalKind = 't'
  readonly isVital = true
  onChange: (text: string) => void = () => undefined
  /** Hears of the topics that were made or changed, to tell the NameServers. Set by the door that registers. */
  onTopicsChanged: (configs: readonly TopicConfig[]) => void = () => undefined
  readonly #settings: BrokerSettings
  readonly #store: TopicStore
  readonly #clock: Clock
  readonly #topics = new Map<string, Topic>()
  #dataVersion: DataVersion = DATA_VERSION_ZERO
  #autoCreatedCount = 0

  constructor(settings: BrokerSettings, store: TopicStore, clock: Clock) {
    this.#settings = settings
    this.#store = store
    this.#clock = clock
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion
  }

  get count(): number {
    return this.#topics.size
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  /** @throws MqError topicNotExist */
  require(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic) return topic
    throw new MqError('topicNotExist', `topic ${name} does not exist`)
  }

  all(): Topic[] {
    return [...this.#topics.values()]
  }

  /** Makes the topics that every broker has (protocol/semantics.md §1). */
  addSystemTopics(): void {
    const settings = this.#settings
    const { brokerClusterName, brokerName } = settings
    const one = { readQueueNums: 1, writeQueueNums: 1 }
    const all = Permission.INHERIT | Permission.READ | Permission.WRITE
    const queues = settings.defaultTopicQueueNums
    this.#addSystem(SystemTopic.SELF_TEST, one)
    if (settings.autoCreateTopicEnable) {
      this.#addSystem(SystemTopic.AUTO_CREATE, { readQueueNums: queues, writeQueueNums: queues, perm: all })
    } else this.#topics.delete(SystemTopic.AUTO_CREATE)
    this.#addSystem(SystemTopic.BENCHMARK, { readQueueNums: 1024, writeQueueNums: 1024 })
    this.#addSystem(brokerClusterName, { perm: settings.clusterTopicEnable ? all : Permission.INHERIT })
    this.#addSystem(brokerName, { ...one, perm: settings.brokerTopicEnable ? all : Permission.INHERIT })
    this.#addSystem(SystemTopic.OFFSET_MOVED_EVENT, one)
    this.#addSystem(SystemTopic.SCHEDULE, { readQueueNums: 18, writeQueueNums: 18 })
    this.#addSystem(SystemTopic.TIMER, one)
    if (settings.traceTopicEnable) this.#addSystem(settings.msgTraceTopicName, one)
    this.#addSystem(replyTopicOf(brokerClusterName), one)
    this.#addSystem(SystemTopic.TRANS_HALF, one)
    this.#addSystem(SystemTopic.TRANS_OP_HALF, one)
  }

  /** Whether the topic is one of RocketMQ's own, or of this cluster's. */
  isSystem(name: string): boolean {
    const { brokerClusterName, brokerName } = this.#settings
    return (
      isSystemTopic(name) ||
      name === brokerClusterName ||
      name === brokerName ||
      name === replyTopicOf(brokerClusterName)
    )
  }

  /**
   * Makes or changes a topic as an admin asks.
   * @throws MqError invalidParameter
   */
  put(config: TopicConfig): void {
    checkTopic(config.topicName)
    if (this.isSystem(config.topicName)) {
      throw new MqError('invalidParameter', `the topic ${config.topicName} conflicts with a system topic`)
    }
    this.#put([config])
  }

  /** As `put` for several; none is changed when one is refused. */
  putAll(configs: readonly TopicConfig[]): void {
    for (const config of configs) {
      checkTopic(config.topicName)
      if (this.isSystem(config.topicName)) {
        throw new MqError('invalidParameter', `the topic ${config.topicName} conflicts with a system topic`)
      }
    }
    this.#put(configs)
  }

  /** The topic, made by the broker itself when missing: retry topics, DLQs. */
  ensure(name: string, given: Partial<TopicConfig>): Topic {
    const known = this.#topics.get(name)
    if (known) return known
    this.#put([topicConfig(name, given)])
    return this.require(name)
  }

  /**
   * The topic that a client sends to, made after the template `defaultTopic` when missing (protocol/requests.md §11), marked where the
   * client belongs to a unit.
   * @throws MqError topicNotExist when it may not be made
   */
  forSend(name: string, defaultTopic: string, clientQueueNums: number, isUnitMode = false): Topic {
    const known = this.#topics.get(name)
    if (known) return known
    const template = this.#topics.get(defaultTopic)?.config
    const isAllowed =
      template !== undefined &&
      isInherited(template.perm) &&
      (defaultTopic !== SystemTopic.AUTO_CREATE || this.#settings.autoCreateTopicEnable)
    if (!isAllowed) {
      throw new MqError(
        'topicNotExist',
        `topic ${name} does not exist, and may not be made after ${defaultTopic}; create it first`,
      )
    }
    if (this.#autoCreatedCount >= this.#settings.autoCreatedTopicsMax) {
      throw new MqError(
        'topicNotExist',
        `topic ${name} is not made: clients have made ${this.#autoCreatedCount} topics already`,
      )
    }
    this.#autoCreatedCount++
    const queueNums = Math.max(0, Math.min(clientQueueNums, template.writeQueueNums))
    const perm = template.perm & ~Permission.INHERIT
    const topicSysFlag = isUnitMode ? TopicSysFlag.UNIT : 0
    this.#put([
      topicConfig(name, { readQueueNums: queueNums, writeQueueNums: queueNums, perm, topicSysFlag }),
    ])
    return this.require(name)
  }

  /** Deletes a topic and its queues; its messages stay in the log until they expire. @throws MqError invalidParameter */
  delete(name: string): void {
    if (this.isSystem(name))
      throw new MqError('invalidParameter', `the system topic ${name} cannot be deleted`)
    const topic = this.#topics.get(name)
    if (!topic) return
    topic.isDeleted = true
    this.#topics.delete(name)
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
    this.onChange(`-${name}`)
    this.#store.deleteTopic(name)
  }

  /** A new data version without a change: makes NameServers look at the topics again. */
  renewDataVersion(): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
  }

  load(content: Buffer): void {
    const table = decodeTopicConfigTable(content)
    this.#topics.clear()
    this.#dataVersion = table.dataVersion
    for (const config of table.topicConfigTable.values()) this.#set(config)
  }

  replay(text: string): void {
    if (text[0] === '-') this.#topics.delete(text.slice(1))
    else this.#set(decodeTopicConfig(Buffer.from(text.slice(1))))
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
  }

  encode(): Buffer {
    const topicConfigTable = new Map<FastJson, FastJson>()
    for (const { name, config } of this.#topics.values()) topicConfigTable.set(name, topicConfigJson(config))
    return Buffer.from(prettyFastJson({ dataVersion: dataVersionJson(this.#dataVersion), topicConfigTable }))
  }

  #addSystem(name: string, given: Partial<TopicConfig>): void {
    this.#set(topicConfig(name, given))
  }

  #put(configs: readonly TopicConfig[]): void {
    for (const config of configs) this.#set(config)
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
    for (const config of configs) this.onChange(`+${writeFastJson(topicConfigJson(config))}`)
    this.onTopicsChanged(configs)
  }

  #set(config: TopicConfig): void {
    const known = this.#topics.get(config.topicName)
    if (known) known.config = config
    else {
      const name = config.topicName
      this.#topics.set(name, {
        name,
        config,
        queues: this.#store.topic(name),
        isSystem: this.isSystem(name),
        isRetry: isRetryTopic(name),
        puts: new QueueTraffic(),
        isDeleted: false,
      })
    }
  }
}
