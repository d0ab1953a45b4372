import { MqError } from '../base/errors.ts'
import type { Clock, Random } from '../base/host.ts'
import { javaHashCodeOfUtf8 } from '../protocol/java-hash.ts'
import { hostBytes } from '../protocol/message-codec.ts'
import { UniqueKeyMaker } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { PROPERTIES_MAX, PropertyScan } from '../protocol/property-scan.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { MessageDraft } from '../store/message-draft.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { BrokerStats } from './broker-stats.ts'
import { StoredProperties } from './stored-properties.ts'
import type { Topic } from './topic-table.ts'

/** A message as a door hands it in: parts are ranges of its own buffers. Filled again for every message. */
export class IncomingMessage {
  topic: Topic | undefined
  /** Negative: the broker chooses. */
  queueId = 0
  sysFlag = 0
  flag = 0
  bornTimestampMs = 0
  /** 4 or 16 bytes of address and 4 of port. */
  bornHost: Buffer = Buffer.alloc(8)
  reconsumeTimes = 0
  body: Buffer = Buffer.alloc(0)
  bodyAt = 0
  bodyEnd = 0
}

/** Bits of sysFlag that clients may set: the rest is the broker's. */
const CLIENT_SYS_FLAGS =
  MessageSysFlag.COMPRESSED |
  MessageSysFlag.MULTI_TAGS |
  MessageSysFlag.COMPRESSION_MASK |
  MessageSysFlag.TRANSACTION_MASK

/** Takes messages from doors and features into the store: checks, properties, tag and keys. */
export class MessageSender {
  /** Fill it, then `send`. */
  readonly properties: StoredProperties
  readonly #settings: BrokerSettings
  readonly #store: MessageStore
  readonly #stats: BrokerStats
  readonly #clock: Clock
  readonly #random: Random
  readonly #draft = new MessageDraft()
  readonly #check = new PropertyScan()
  readonly #uniqueKeys: UniqueKeyMaker
  readonly #storeHost: Buffer

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
    const { advertised } = settings
    this.#storeHost = hostBytes({ ip: advertised.host, port: advertised.port })
    this.#uniqueKeys = new UniqueKeyMaker({
      ip: advertised.host,
      pid: parts.processId,
      salt: random.u32() | 0,
    })
    this.properties = new StoredProperties([
      [PropertyName.MSG_REGION, settings.regionId],
      [PropertyName.TRACE_ON, String(settings.traceOn)],
      [PropertyName.CLUSTER, settings.brokerClusterName],
    ])
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

  /** Adds the broker's own to `properties`: before `send`, and before `uniqueKeyFromEnd` is asked. @throws MqError messageIllegal */
  finishProperties(): void {
    this.properties.finish(this.#nextUniqueKey)
  }

  /** Whether properties are few enough to be stored. @throws MqError messageIllegal */
  checkProperties(source: Buffer, at: number, end: number): void {
    // a pair takes four bytes at least
    if (end - at >= 4 * PROPERTIES_MAX) this.#check.read(source, at, end)
  }

  /**
   * Stores a message with the properties that stand finished in `properties`.
   * @param waiter hears of it when it is stored; see `AppendWaiter`
   * @returns its offset in the log
   * @throws MqError messageIllegal, badBody, notWritable, busy, noPermission
   */
  send(message: IncomingMessage, waiter: AppendWaiter | undefined, token: number): number {
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
    const watched = this.#stats.timed(waiter)
    try {
      const physicalOffset = this.#store.append(draft, watched, token)
      this.#stats.put(message.topic as Topic, this.#store.log.end - physicalOffset)
      return physicalOffset
    } catch (error) {
      this.#stats.refused(watched)
      throw error
    }
  }

  /**
   * Makes sure that the messages sent next, with so many bytes of body and properties and this many in number, lie in one file:
   * a batch is stored whole or not at all.
   */
  reserve(topic: Topic, count: number, payloadBytes: number): void {
    const bytesAround = 160 + topic.queues.topicBytes.length + this.properties.ownBytes
    this.#store.reserve(payloadBytes + count * bytesAround)
    this.#stats.batched(topic, count)
  }

  /** Where the unique key of the message sent last stands, counted back from the end of its record, and its length. */
  get uniqueKeyFromEnd(): number {
    const { scan, end } = this.properties
    return end - scan.valueAt(scan.find(PropertyName.UNIQ_KEY))
  }

  get uniqueKeyBytes(): number {
    const { scan } = this.properties
    const index = scan.find(PropertyName.UNIQ_KEY)
    return scan.valueEnd(index) - scan.valueAt(index)
  }

  #drafted(message: IncomingMessage): MessageDraft {
    const draft = this.#draft
    const { scan, buffer, end } = this.properties
    const topic = message.topic as Topic
    draft.queue = this.#store.queues.queue(topic.queues, message.queueId)
    draft.topic = topic.queues.topicBytes
    draft.sysFlag = message.sysFlag & CLIENT_SYS_FLAGS
    draft.flag = message.flag
    draft.bornTimestampMs = message.bornTimestampMs
    draft.bornHost = message.bornHost
    draft.storeHost = this.#storeHost
    draft.reconsumeTimes = message.reconsumeTimes
    draft.body = message.body
    draft.bodyAt = message.bodyAt
    draft.bodyEnd = message.bodyEnd
    draft.properties = buffer
    draft.propertiesAt = 0
    draft.propertiesEnd = end
    const tags = scan.find(PropertyName.TAGS)
    draft.tagsCode = tags < 0 ? 0 : javaHashCodeOfUtf8(buffer, scan.valueAt(tags), scan.valueEnd(tags))
    draft.keys.collect(topic.queues.keyHash, scan)
    const wait = scan.find(PropertyName.WAIT)
    draft.waitsForDisk = wait < 0 || scan.text(wait).toLowerCase() !== 'false'
    return draft
  }

  readonly #nextUniqueKey = (): string => this.#uniqueKeys.next(this.#clock.nowMs())
}
