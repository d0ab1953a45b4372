import { MqError } from '../base/errors.ts'
import type { Clock, Random } from '../base/host.ts'
import { decodeMessage, type MessageExt } from '../protocol/message-codec.ts'
import { offsetMessageIdText } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { dlqTopicOf, groupOfTopic, isForbiddenToSend, retryTopicOf } from '../protocol/names.ts'
import { isWritable, PERMISSION_DEFAULT } from '../protocol/permission.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import type { SubscriptionGroupConfig } from '../protocol/subscription-group-config.ts'
import { TopicSysFlag } from '../protocol/sys-flag.ts'
import type { MessageStore } from '../store/message-store.ts'
import { appendOutcome } from './append-promise.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { BrokerStats } from './broker-stats.ts'
import type { ConsumerOffsets } from './consumer-offsets.ts'
import { levelQueue, TIMER_REQUESTS } from './delay-diversion.ts'
import type { Diversion } from './diversion.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { CopyChanges, MessageCopier } from './message-copier.ts'
import type { QueueLocks } from './queue-locks.ts'
import { decideRetry, type RetryDecision } from './retry-rules.ts'
import type { StoredProperties } from './stored-properties.ts'
import type { SubscriptionGroupTable } from './subscription-group-table.ts'
import type { Topic, TopicTable } from './topic-table.ts'

/** A message that a group could not consume. */
interface GivenBack {
  readonly group: string
  /** Where it lies in the log. */
  readonly physicalOffset: number
  /** Level after which it is tried again; 0: the broker decides; negative: never, it goes to the dead letters. */
  readonly delayLevel: number
  /** Tries after which it goes to the dead letters; undefined: as the group's settings say. */
  readonly reconsumeTimesMax: number | undefined
  /** Marks the retry topic, where it has to be made. */
  readonly isUnitMode: boolean
}

/** Where a message given back has gone; `ignored` where the group has no retry queues. */
type GiveBackResult = 'retry' | 'deadLetter' | 'ignored' | 'notFound'

/**
 * What a group could not consume: put by in its retry topic and tried again, each time later, and when that was often enough moved to
 * its dead-letter topic (RocketMQ's AbstractSendMessageProcessor; protocol/semantics.md §5).
 */
export class MessageRetry {
  readonly #settings: BrokerSettings
  readonly #store: MessageStore
  readonly #groups: SubscriptionGroupTable
  readonly #topics: TopicTable
  readonly #locks: QueueLocks
  readonly #copier: MessageCopier
  readonly #stats: BrokerStats
  readonly #offsets: ConsumerOffsets
  readonly #clock: Clock
  readonly #random: Random
  readonly #record = new RecordScan()

  constructor(parts: {
    settings: BrokerSettings
    store: MessageStore
    groups: SubscriptionGroupTable
    topics: TopicTable
    locks: QueueLocks
    copier: MessageCopier
    stats: BrokerStats
    offsets: ConsumerOffsets
    clock: Clock
    random: Random
  }) {
    this.#settings = parts.settings
    this.#store = parts.store
    this.#groups = parts.groups
    this.#topics = parts.topics
    this.#locks = parts.locks
    this.#copier = parts.copier
    this.#stats = parts.stats
    this.#offsets = parts.offsets
    this.#clock = parts.clock
    this.#random = parts.random
  }

  /** The topic of what a group is to try again, made when missing. */
  retryTopic({ groupName, retryQueueNums }: SubscriptionGroupConfig, isUnitMode = false): Topic {
    return this.#topics.ensure(retryTopicOf(groupName), {
      ...{ readQueueNums: retryQueueNums, writeQueueNums: retryQueueNums, perm: PERMISSION_DEFAULT },
      topicSysFlag: isUnitMode ? TopicSysFlag.UNIT_SUB : 0,
    })
  }

  /** The topic of what a group has given up, made when missing: one queue, which can be read (DLQ_NUMS_PER_GROUP). */
  deadLetterTopic(group: string): Topic {
    return this.#topics.ensure(dlqTopicOf(group), {
      ...{ readQueueNums: 1, writeQueueNums: 1, perm: PERMISSION_DEFAULT },
    })
  }

  /**
   * A retry or dead-letter topic that a client wants to send to: of groups that are there only, lest anybody could make topics of
   * these names.
   * @throws MqError groupNotExist
   */
  topicForSend(name: string): Topic {
    const group = groupOfTopic(name) ?? ''
    const config = this.#requireGroup(group)
    return name === dlqTopicOf(group) ? this.deadLetterTopic(group) : this.retryTopic(config)
  }

  /**
   * Takes a message back from a group (CONSUMER_SEND_MSG_BACK): a copy of it, with one try more, waits in the delay queue of its level.
   * Resolves when that is stored; the checks come in RocketMQ's order.
   * @throws MqError groupNotExist, noPermission, notWritable, busy, messageIllegal
   */
  async giveBack(given: GivenBack): Promise<GiveBackResult> {
    const group = this.#groups.forUse(given.group)
    if (!isWritable(this.#settings.brokerPermission))
      throw new MqError('noPermission', 'the broker does not take messages: brokerPermission')
    if (group.retryQueueNums <= 0) return 'ignored'
    const retryTopic = this.retryTopic(group, given.isUnitMode)
    if (!isWritable(retryTopic.config.perm))
      throw new MqError('noPermission', `the topic ${retryTopic.name} does not take messages`)
    const bytes = this.#store.recordAt(given.physicalOffset)
    const message = bytes && decodeMessage(bytes)
    // the broker's own bookkeeping, such as half messages, was never given to a group
    if (!message || isForbiddenToSend(message.topic)) return 'notFound'
    const { delayLevel, reconsumeTimesMax = group.retryMaxTimes } = given
    const decision = decideRetry({ reconsumeTimes: message.reconsumeTimes, reconsumeTimesMax, delayLevel })
    const changes = decision.isDead
      ? this.#deadLetterChanges(message, given.group, decision)
      : this.#retryChanges(message, retryTopic, group, decision)
    await this.#copy(bytes, given.physicalOffset, changes)
    const topic = message.properties.get(PropertyName.RETRY_TOPIC) ?? message.topic
    const offsets = this.#offsets.of(given.group, topic)
    this.#stats.sentBack(offsets)
    if (decision.isDead) this.#stats.buried(offsets)
    return decision.isDead ? 'deadLetter' : 'retry'
  }

  /**
   * The say of this feature on a message that a client sends to a retry topic, because it could not give it back: tried often enough, it
   * goes to the dead letters (RocketMQ's handleRetryAndDLQ).
   */
  readonly divert = (message: IncomingMessage, properties: StoredProperties): Diversion | undefined => {
    const { topic, reconsumeTimes, reconsumeTimesMax } = message
    if (!topic?.isRetry) return undefined
    const group = groupOfTopic(topic.name) ?? ''
    const { retryMaxTimes } = this.#requireGroup(group)
    // a group that holds queues consumes in order: it has tried on the spot, and what it sends here has failed for good
    const isOrdered = this.#locks.isHolding(group, this.#clock.nowMs())
    if (reconsumeTimes <= (reconsumeTimesMax ?? retryMaxTimes) && !isOrdered) return undefined
    const { scan } = properties
    const origin = scan.optionalText(PropertyName.RETRY_TOPIC)
    const offsets = origin === undefined ? undefined : this.#offsets.find(group, origin)
    if (offsets) this.#stats.buried(offsets)
    properties.set([
      [PropertyName.DELAY, '-1'],
      ...originOf({
        topic: origin,
        messageId: scan.optionalText(PropertyName.UNIQ_KEY),
      }),
    ])
    return { topic: this.deadLetterTopic(group).queues, queueId: 0 }
  }

  /** @throws MqError groupNotExist */
  #requireGroup(name: string): SubscriptionGroupConfig {
    const group = this.#groups.get(name)
    if (group) return group
    throw new MqError('groupNotExist', `subscription group ${name} does not exist`)
  }

  #retryChanges(
    message: MessageExt,
    topic: Topic,
    { retryQueueNums }: SubscriptionGroupConfig,
    { level, reconsumeTimes }: RetryDecision,
  ): CopyChanges {
    const { levelMax } = this.#store.delayLevels
    // a topic made when the group had fewer queues still has as few
    const queueNums = Math.min(retryQueueNums, Math.max(topic.config.readQueueNums, 1))
    return {
      ...levelQueue(this.#store, level),
      reconsumeTimes,
      preparedTransactionOffset: 0,
      drop: TIMER_REQUESTS,
      set: new Map([
        ...historyOf(message),
        [PropertyName.DELAY, String(Math.min(level, levelMax))],
        [PropertyName.REAL_TOPIC, topic.name],
        [PropertyName.REAL_QID, String(this.#random.u32() % queueNums)],
      ]),
    }
  }

  #deadLetterChanges(message: MessageExt, group: string, { reconsumeTimes }: RetryDecision): CopyChanges {
    const { properties } = message
    return {
      topic: this.deadLetterTopic(group).queues,
      queueId: 0,
      reconsumeTimes,
      preparedTransactionOffset: 0,
      set: new Map([
        ...historyOf(message),
        // what is left of an earlier delay must not be taken for a wish (protocol/pitfalls.md 5)
        [PropertyName.DELAY, '0'],
        ...originOf({
          topic: properties.get(PropertyName.RETRY_TOPIC) ?? message.topic,
          messageId: properties.get(PropertyName.UNIQ_KEY),
        }),
      ]),
    }
  }

  async #copy(bytes: Buffer, physicalOffset: number, changes: CopyChanges): Promise<void> {
    const outcome = await appendOutcome((waiter) => {
      this.#record.read(bytes, 0, bytes.length, physicalOffset)
      this.#copier.copy(this.#record, changes, waiter, 0)
    })
    if (outcome === 'notWritable')
      throw new MqError('notWritable', this.#store.refusal ?? 'the log cannot be written')
  }
}

/** Where the message came from first, as consumers are told. */
function historyOf(message: MessageExt): [string, string][] {
  const { properties } = message
  const ownId = offsetMessageIdText({ host: message.storeHost, offset: message.commitLogOffset })
  return [
    [PropertyName.RETRY_TOPIC, properties.get(PropertyName.RETRY_TOPIC) ?? message.topic],
    [PropertyName.ORIGIN_MESSAGE_ID, properties.get(PropertyName.ORIGIN_MESSAGE_ID) ?? ownId],
    [PropertyName.WAIT, 'false'],
  ]
}

/** The same for readers of dead letters; RocketMQ's gRPC proxy reads these names. */
function originOf(origin: { topic: string | undefined; messageId: string | undefined }): [string, string][] {
  const pairs: [string, string][] = []
  if (origin.topic !== undefined) pairs.push([PropertyName.DLQ_ORIGIN_TOPIC, origin.topic])
  if (origin.messageId !== undefined) pairs.push([PropertyName.DLQ_ORIGIN_MESSAGE_ID, origin.messageId])
  return pairs
}
