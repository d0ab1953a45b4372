import { MqError } from '../base/errors.ts'
import type { Clock, Random } from '../base/host.ts'
import { javaHashCodeOfUtf8 } from '../protocol/java-hash.ts'
import { hostBytes } from '../protocol/message-codec.ts'
import { UniqueKeyMaker } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import { CRC_PROPERTY_BYTES } from '../protocol/record-draft.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import type { TopicQueues } from '../store/consume-queue-table.ts'
import { MessageDraft } from '../store/message-draft.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { BrokerStats } from './broker-stats.ts'
import { DEDUP_KEY } from './dedup/dedup-scope.ts'
import type { Deduplication } from './dedup/deduplication.ts'
import type { FirstMessage } from './dedup/first-message.ts'
import { type Diversion, type Divert, DivertedWaiter } from './diversion.ts'
import type { IncomingMessage } from './incoming-message.ts'
import { INCOMING_PROPERTIES_MAX, StoredProperties } from './stored-properties.ts'
import type { Topic } from './topic-table.ts'

/** Bits of sysFlag that clients may set: the rest is the broker's. */
const CLIENT_SYS_FLAGS =
  MessageSysFlag.COMPRESSED |
  MessageSysFlag.MULTI_TAGS |
  MessageSysFlag.COMPRESSION_MASK |
  MessageSysFlag.TRANSACTION_MASK

/** Of no layout. */
const UNKNOWN = -1

/** Takes messages from doors and features into the store: checks, properties, tag and keys. */
export class MessageSender {
  /** Fill it, then `prepare` and `send`. */
  readonly properties: StoredProperties
  /** Features that may take a message elsewhere first; the first that does counts. */
  diverters: readonly Divert[] = []
  /** Set where messages are stored once that are sent several times. */
  dedup: Deduplication | undefined
  readonly #settings: BrokerSettings
  readonly #store: MessageStore
  readonly #stats: BrokerStats
  readonly #clock: Clock
  readonly #random: Random
  readonly #draft = new MessageDraft()
  readonly #check = new PropertyScan()
  readonly #uniqueKeys: UniqueKeyMaker
  readonly #storeHost: Buffer
  #diversion: Diversion | undefined
  /** How the properties of the message before were laid out, of the batch that is being sent. */
  #draftedLayout = UNKNOWN
  /** The message that the one which was prepared repeats. */
  #first: FirstMessage | undefined

  constructor(parts: {
    settings: BrokerSettings
    store: MessageStore
    stats: BrokerStats
    clock: Clock
    random: Random
    processId: number
  }) {
    const { settings, random } = parts
    this.#settings = settings
    this.#store = parts.store
    this.#stats = parts.stats
    this.#clock = parts.clock
    this.#random = random
    const { host: ip, port } = settings.storeHost
    this.#storeHost = hostBytes({ ip, port })
    this.#uniqueKeys = new UniqueKeyMaker({ ip, pid: parts.processId, salt: random.u32() | 0 })
    this.properties = new StoredProperties([
      [PropertyName.MSG_REGION, settings.regionId],
      [PropertyName.TRACE_ON, String(settings.traceOn)],
      [PropertyName.CLUSTER, settings.brokerClusterName],
    ])
  }

  /** Where the message prepared last goes first; undefined when it goes where it was sent to. */
  get diversion(): Diversion | undefined {
    return this.#diversion
  }

  /** Where messages are stored, as ids name it. */
  get storeHost(): Buffer {
    return this.#storeHost
  }

  /** The queue that a message goes to. @throws MqError invalidParameter when the topic has no such queue */
  queueIdOf(topic: Topic, queueId: number): number {
    const { writeQueueNums, readQueueNums, topicName } = topic.config
    if (queueId < 0) return this.#random.u32() % Math.max(writeQueueNums, 1)
    if (queueId < writeQueueNums || queueId < readQueueNums) return queueId
    throw new MqError(
      'invalidParameter',
      `queueId ${queueId} of topic ${topicName}: it has ${writeQueueNums} to write`,
    )
  }

  /**
   * Finishes `properties`, and asks the features where the message goes: before `send`, and before `uniqueKeyFromEnd` is asked.
   * @param isStoredAgain whether the message was taken in before, and what it carries comes from its record
   * @throws MqError messageIllegal, or what a feature refuses
   */
  prepare(message: IncomingMessage, isStoredAgain = false): void {
    this.properties.finish(this.#nextUniqueKey, isStoredAgain)
    this.#diversion = undefined
    this.#first = undefined
    if (this.dedup) {
      if (message.isCommitted) this.dedup.forgetPrepared()
      else this.#first = this.dedup.find(message, this.properties)
      if (this.#first) return
    }
    for (const divert of this.diverters) {
      this.#diversion ??= divert(message, this.properties)
    }
  }

  /** @throws MqError messageIllegal when the properties that a batch shares ask for what batches cannot have */
  checkBatchProperties(message: IncomingMessage): void {
    const { shared: scan } = this.properties
    const isTransaction = (message.sysFlag & MessageSysFlag.TRANSACTION_MASK) !== 0
    if (isTransaction || Number(scan.optionalText(PropertyName.DELAY) ?? 0) > 0) {
      throw new MqError('messageIllegal', 'a batch can be neither delayed nor part of a transaction')
    }
    if (this.dedup && scan.find(DEDUP_KEY) >= 0)
      throw new MqError('messageIllegal', `a batch has no ${DEDUP_KEY}: each of its messages may have one`)
  }

  /**
   * Whether properties are few enough to be stored, together with `addedCount` others.
   * @throws MqError messageIllegal
   */
  checkProperties(source: Buffer, at: number, end: number, addedCount: number): void {
    const countMax = INCOMING_PROPERTIES_MAX - addedCount
    // a pair takes four bytes at least
    if (end - at < 4 * countMax) return
    this.#check.read(source, at, end)
    if (this.#check.count > countMax)
      throw new MqError('messageIllegal', `${this.#check.count} properties, more than ${countMax}`)
  }

  /**
   * Stores the message that was prepared, unless it repeats another: then it is answered as that one.
   * @param waiter hears of it when it is stored; see `AppendWaiter`
   * @returns its offset in the log
   * @throws MqError messageIllegal, badBody, notWritable, busy, noPermission
   */
  send(message: IncomingMessage, waiter: AppendWaiter | undefined, token: number): number {
    if (this.#first) return this.#first.repeat(waiter, token)
    const { bodyAt, bodyEnd } = message
    const bodyBytes = bodyEnd - bodyAt
    if (bodyBytes > this.#settings.maxMessageSize) {
      throw new MqError(
        'messageIllegal',
        `a body of ${bodyBytes} bytes, more than maxMessageSize ${this.#settings.maxMessageSize}`,
      )
    }
    if (bodyBytes === 0) throw new MqError('badBody', 'a message wants a body of at least one byte')
    const draft = this.#drafted(message)
    const first = this.dedup?.begin(message.queueId, this)
    if (first && waiter) first.repeat(waiter, token)
    const diverted = this.#diversion && waiter ? new DivertedWaiter(waiter, message.queueId) : waiter
    const countedFor = this.#diversion?.countedFor ?? (message.topic as Topic)
    try {
      const physicalOffset = this.#append(draft, countedFor, first ?? diverted, token)
      if (first) first.physicalOffset = physicalOffset
      return physicalOffset
    } catch (error) {
      if (first) this.dedup?.refused(first)
      throw error
    }
  }

  /**
   * Makes sure that the messages sent next by `sendInBatch`, with so many bytes of body and properties and this many in number, lie in
   * one file: a batch is stored whole or not at all.
   * @param message what they have in common
   */
  beginBatch(message: IncomingMessage, count: number, payloadBytes: number): void {
    const topic = message.topic as Topic
    const bytesAround = 160 + topic.queues.topicBytes.length + this.properties.ownBytes
    this.#store.reserve(payloadBytes + count * bytesAround)
    this.#stats.batched(topic, message.queueId, count)
    this.#diversion = undefined
    this.#first = undefined
    this.#draftPlace(message)
    this.#draftedLayout = UNKNOWN
  }

  /**
   * As `send`, for a message of a batch with these properties of its own before those that `properties` shares: it goes where the batch goes.
   * @throws MqError messageIllegal, notWritable, topicNotExist
   */
  sendInBatch(
    message: IncomingMessage,
    propertiesAt: number,
    propertiesEnd: number,
    waiter: AppendWaiter | undefined,
    token: number,
  ): number {
    const { properties, dedup } = this
    if (!dedup && properties.join(message.body, propertiesAt, propertiesEnd)) {
      this.#draftContent(message)
      this.#draftMarks(properties.joinedLayout === this.#draftedLayout)
      this.#draftedLayout = properties.joinedLayout
      return this.#append(this.#draft, message.topic as Topic, waiter, token)
    }
    properties.combine(message.body, propertiesAt, propertiesEnd, this.#nextUniqueKey)
    this.#first = dedup?.find(message, properties)
    this.#draftedLayout = UNKNOWN
    return this.send(message, waiter, token)
  }

  /** Where the unique key of the message sent last stands, counted back from the end of its record, and its length. */
  get uniqueKeyFromEnd(): number {
    if (this.#first) return this.#first.uniqueKeyFromEnd
    const { scan, end } = this.properties
    const crcBytes = this.#store.settings.appendsCrc ? CRC_PROPERTY_BYTES : 0
    return end - scan.valueAt(scan.find(PropertyName.UNIQ_KEY)) + crcBytes
  }

  /** The unique key of the message prepared last. */
  get uniqueKey(): string {
    return this.properties.scan.optionalText(PropertyName.UNIQ_KEY) ?? ''
  }

  get uniqueKeyBytes(): number {
    if (this.#first) return this.#first.uniqueKeyBytes
    const { scan } = this.properties
    const index = scan.find(PropertyName.UNIQ_KEY)
    return scan.valueEnd(index) - scan.valueAt(index)
  }

  #append(draft: MessageDraft, countedFor: Topic, waiter: AppendWaiter | undefined, token: number): number {
    const watched = this.#stats.timed(waiter, countedFor)
    try {
      const physicalOffset = this.#store.append(draft, watched, token)
      this.#stats.put(countedFor, draft.queueId, this.#store.log.end - physicalOffset)
      return physicalOffset
    } catch (error) {
      this.#stats.refused(watched)
      throw error
    }
  }

  #drafted(message: IncomingMessage): MessageDraft {
    const draft = this.#draft
    const queues = this.#draftPlace(message)
    this.#draftContent(message)
    this.#draftMarks(false)
    if (this.#diversion) {
      const { scan } = this.properties
      draft.tagsCode = this.#store.tagsCode.of(queues.topic, scan, this.#store.nextStoreTimestampMs)
    }
    return draft
  }

  /** Drafts what all messages of a batch have in common. @returns where they go */
  #draftPlace(message: IncomingMessage): TopicQueues {
    const draft = this.#draft
    const diversion = this.#diversion
    const queues = diversion ? diversion.topic : (message.topic as Topic).queues
    const queueId = diversion ? diversion.queueId : message.queueId
    draft.queue = this.#store.queues.queue(queues, queueId)
    draft.topic = queues.topicBytes
    draft.keyHash = queues.keyHash
    draft.sysFlag = message.sysFlag & CLIENT_SYS_FLAGS
    draft.bornTimestampMs = message.bornTimestampMs
    draft.bornHost = message.bornHost
    draft.storeHost = this.#storeHost
    draft.reconsumeTimes = message.reconsumeTimes
    draft.preparedTransactionOffset = message.preparedTransactionOffset
    draft.body = message.body
    return queues
  }

  #draftContent(message: IncomingMessage): void {
    const draft = this.#draft
    const { properties } = this
    draft.flag = message.flag
    draft.bodyAt = message.bodyAt
    draft.bodyEnd = message.bodyEnd
    draft.front = properties.front
    draft.frontAt = properties.frontAt
    draft.frontEnd = properties.frontEnd
    draft.properties = properties.buffer
    draft.propertiesAt = properties.at
    draft.propertiesEnd = properties.end
  }

  /** @param hasShared whether the draft has, from the message before, what the batch shares */
  #draftMarks(hasShared: boolean): void {
    const draft = this.#draft
    const { properties } = this
    if (!hasShared || properties.doTagsVary) draft.tagsCode = tagHashOf(properties.scanOf(PropertyName.TAGS))
    if (!hasShared || properties.doKeysVary) {
      draft.keys.collect(
        draft.keyHash,
        properties.scanOf(PropertyName.UNIQ_KEY),
        properties.scanOf(PropertyName.KEYS),
      )
    }
    if (hasShared && !properties.doesWaitVary) return
    const scan = properties.scanOf(PropertyName.WAIT)
    const wait = scan.find(PropertyName.WAIT)
    draft.waitsForDisk = wait < 0 || !scan.isWord(wait, 'false')
  }

  readonly #nextUniqueKey = (): string => this.#uniqueKeys.next(this.#clock.nowMs())
}

function tagHashOf(properties: PropertyScan): number {
  const tags = properties.find(PropertyName.TAGS)
  if (tags < 0) return 0
  return javaHashCodeOfUtf8(properties.buffer, properties.valueAt(tags), properties.valueEnd(tags))
}
