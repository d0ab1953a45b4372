import { MqError } from '../../base/errors.ts'
import { prettyFastJson } from '../../protocol/fastjson-writer.ts'
import {
  decodeMessageRequestMode,
  decodeMessageRequestModeTable,
  encodeMessageRequestMode,
  type MessageRequestModeSetting,
  type MessageRequestModeTable,
  messageRequestModeTableJson,
} from '../../protocol/message-request-mode.ts'
import { isRetryTopic } from '../../protocol/names.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { MetadataTable } from '../metadata.ts'
import type { SubscriptionGroupTable } from '../subscription-group-table.ts'
import type { TopicTable } from '../topic-table.ts'

/** Whether groups pull or pop, by topic: RocketMQ's MessageRequestModeManager and messageRequestMode.json. */
export class MessageRequestModes implements MetadataTable {
  readonly fileName = 'messageRequestMode.json'
  readonly journalKind = 'm'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #settings: BrokerSettings
  readonly #topics: TopicTable
  readonly #groups: SubscriptionGroupTable
  readonly #modes = new Map<string, Map<string, MessageRequestModeSetting>>()

  constructor(parts: { settings: BrokerSettings; topics: TopicTable; groups: SubscriptionGroupTable }) {
    this.#settings = parts.settings
    this.#topics = parts.topics
    this.#groups = parts.groups
  }

  /** How a group consumes a topic; retry topics of pulling groups are pulled. */
  of(topic: string, group: string): MessageRequestModeSetting {
    const known = this.#modes.get(topic)?.get(group)
    if (known) return known
    const { defaultMessageRequestMode, defaultPopShareQueueNum } = this.#settings.pop
    const mode = isRetryTopic(topic) ? 'PULL' : defaultMessageRequestMode
    return {
      topic,
      consumerGroup: group,
      mode,
      popShareQueueNum: mode === 'POP' ? defaultPopShareQueueNum : 0,
    }
  }

  /** @throws MqError noPermission, topicNotExist, groupNotExist */
  set(setting: MessageRequestModeSetting): void {
    const { consumerGroup, topic } = setting
    if (isRetryTopic(topic)) throw new MqError('noPermission', 'retry topic is not allowed to set mode')
    if (!this.#topics.get(topic)) throw new MqError('topicNotExist', `topic[${topic}] not exist`)
    if (!this.#groups.get(consumerGroup)) {
      throw new MqError('groupNotExist', `subscription group ${consumerGroup} does not exist`)
    }
    this.#put(setting)
    this.onChange(encodeMessageRequestMode(setting).toString())
  }

  /** The table as slaves get it. */
  get body(): MessageRequestModeTable {
    return this.#modes
  }

  load(content: Buffer): void {
    this.#modes.clear()
    for (const groups of decodeMessageRequestModeTable(content).values()) {
      for (const setting of groups.values()) this.#put(setting)
    }
  }

  replay(text: string): void {
    this.#put(decodeMessageRequestMode(Buffer.from(text)))
  }

  encode(): Buffer {
    return Buffer.from(prettyFastJson(messageRequestModeTableJson(this.#modes)))
  }

  #put(setting: MessageRequestModeSetting): void {
    const groups = this.#modes.get(setting.topic) ?? new Map<string, MessageRequestModeSetting>()
    this.#modes.set(setting.topic, groups.set(setting.consumerGroup, setting))
  }
}
