import { MqError, messageOf } from '../base/errors.ts'
import { int32At, int64At } from '../protocol/big-endian.ts'
import { type HostAddress, ipV4TextAt, ipV6TextAt } from '../protocol/host-address.ts'
import { decompressBody } from '../protocol/message-body.ts'
import { offsetMessageIdText } from '../protocol/message-id.ts'
import { PropertyName, parseProperties } from '../protocol/message-properties.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { isRetryTopic } from '../protocol/names.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { matchesTag, type TagExpression } from '../protocol/tag-expression.ts'

/** A compressed body may grow to this and no further: the largest that a broker can be set up to take. */
const BODY_BYTES_MAX = 16 * 1024 * 1024

const record = new RecordScan()
const properties = new PropertyScan()

/**
 * A message as a broker delivers it. Body and properties are read from the answer's bytes when they are asked
 * for, so that a message that is kept keeps those bytes (up to 256 KiB with its neighbours): copy the body of
 * what is kept for long.
 */
export class ReceivedMessage {
  /**
   * The queue that it was read from; of a message to be tried again that is a queue of the group's retry
   * topic.
   */
  readonly queue: MessageQueue
  readonly queueOffset: number
  /** Its place in the broker's log. */
  readonly commitLogOffset: number
  /** `MessageSysFlag` */
  readonly sysFlag: number
  /** The sender's own number. */
  readonly flag: number
  /** When it was sent, by the sender's clock, in milliseconds since 1970. */
  readonly bornMs: number
  /** When it was stored, by the broker's clock, in milliseconds since 1970. */
  readonly storedMs: number
  /** How often the group has given it back. */
  readonly reconsumeTimes: number
  /** Bytes that it takes in the log. */
  readonly storeSizeBytes: number
  readonly #bytes: Buffer
  readonly #places: Places
  #body: Buffer | undefined
  #properties: ReadonlyMap<string, string> | undefined

  /** @param scan stands on the message */
  constructor(scan: RecordScan, queue: MessageQueue) {
    this.queue = queue
    this.queueOffset = scan.queueOffset
    this.commitLogOffset = scan.physicalOffset
    this.sysFlag = scan.sysFlag
    this.flag = scan.flag
    this.bornMs = scan.bornTimestampMs
    this.storedMs = scan.storeTimestampMs
    this.reconsumeTimes = scan.reconsumeTimes
    this.storeSizeBytes = scan.bytes
    this.#bytes = scan.buffer
    const { storeHostAt, bodyAt, bodyEnd, propertiesAt, propertiesEnd } = scan
    this.#places = { storeHostAt, bodyAt, bodyEnd, propertiesAt, propertiesEnd }
  }

  /** The topic that it was sent to, also where it comes from the group's retry topic. */
  get topic(): string {
    const { topic } = this.queue
    return isRetryTopic(topic) ? (this.properties.get(PropertyName.RETRY_TOPIC) ?? topic) : topic
  }

  /**
   * The body as it was sent.
   * @throws MqError badRecord when it cannot be decompressed, notSupported where the codec is not here: lz4 wants
   *   the package lz4-napi, zstd Node.js 22.15
   */
  get body(): Buffer {
    this.#body ??= this.#decompressed()
    return this.#body
  }

  /** The body as it lies in the log, perhaps compressed (`compressionOf(sysFlag)`). */
  get storedBody(): Buffer {
    return this.#bytes.subarray(this.#places.bodyAt, this.#places.bodyEnd)
  }

  /** The body as UTF-8 text. */
  get text(): string {
    return this.body.toString('utf8')
  }

  get properties(): ReadonlyMap<string, string> {
    const { propertiesAt, propertiesEnd } = this.#places
    this.#properties ??= parseProperties(this.#bytes.toString('utf8', propertiesAt, propertiesEnd))
    return this.#properties
  }

  get tag(): string | undefined {
    return this.properties.get(PropertyName.TAGS)
  }

  get keys(): readonly string[] {
    return (this.properties.get(PropertyName.KEYS) ?? '').split(' ').filter((key) => key !== '')
  }

  /** The id that its sender gave it, the broker's where there is none. The same for every delivery. */
  get messageId(): string {
    return this.properties.get(PropertyName.UNIQ_KEY) ?? this.offsetMessageId
  }

  /** The broker's id: where the message is. */
  get offsetMessageId(): string {
    return offsetMessageIdText({ host: this.storeHost, offset: this.commitLogOffset })
  }

  /** The broker that stored it. */
  get storeHost(): HostAddress {
    const { storeHostAt: at } = this.#places
    return (this.sysFlag & MessageSysFlag.STORE_HOST_V6) !== 0
      ? { ip: ipV6TextAt(this.#bytes, at), port: int32At(this.#bytes, at + 16) }
      : { ip: ipV4TextAt(this.#bytes, at), port: int32At(this.#bytes, at + 4) }
  }

  #decompressed(): Buffer {
    try {
      return decompressBody(this.storedBody, this.sysFlag, BODY_BYTES_MAX)
    } catch (error) {
      const kind = error instanceof MqError ? error.kind : 'badRecord'
      throw new MqError(kind, `message ${this.messageId}: ${messageOf(error)}`, { cause: error })
    }
  }
}

/** Where the parts of a message begin and end in its bytes. */
interface Places {
  readonly storeHostAt: number
  readonly bodyAt: number
  readonly bodyEnd: number
  readonly propertiesAt: number
  readonly propertiesEnd: number
}

/**
 * Reads the messages of a pull's answer at `[at, end)`, without those whose tags the filter does not name:
 * brokers look at hashes only.
 * @throws MqError badRecord when anything in it is not a whole and undamaged message
 */
export function readMessages(
  bytes: Buffer,
  range: { readonly at: number; readonly end: number },
  queue: MessageQueue,
  filter: TagExpression,
): ReceivedMessage[] {
  const { topic, brokerName, queueId } = queue
  return readRecords(bytes, range, filter, {
    queueOf: () => queue,
    place: () => `queue ${queueId} of ${topic} at ${brokerName}`,
  })
}

/** As `readMessages`, of an answer with messages of several queues of a broker. @throws MqError badRecord */
export function readQueues(
  bytes: Buffer,
  range: { readonly at: number; readonly end: number },
  brokerName: string,
  filter: TagExpression,
): ReceivedMessage[] {
  return readRecords(bytes, range, filter, {
    queueOf: ({ topic, queueId }) => ({ topic, brokerName, queueId }),
    place: () => `an answer of broker ${brokerName}`,
  })
}

function readRecords(
  answer: Buffer,
  range: { readonly at: number; readonly end: number },
  filter: TagExpression,
  source: { queueOf(scan: RecordScan): MessageQueue; place(): string },
): ReceivedMessage[] {
  const messages: ReceivedMessage[] = []
  // messages are views of it, and outlive the answer
  const bytes = Buffer.from(answer.subarray(range.at, range.end))
  for (let at = 0; at < bytes.length; at += record.bytes) {
    // a pull does not say where in the log a message is: it is taken from the message itself
    const offset = bytes.length - at >= 36 ? int64At(bytes, at + 28) : 0
    const kind = record.read(bytes, at, bytes.length, offset)
    if (kind !== 'message') {
      const what = kind === 'bad' ? record.reason : `a message that is ${kind}`
      throw new MqError('badRecord', `${source.place()}: ${what}`)
    }
    if (filter.tags.size > 0 && !matchesTag(filter, tagOf(record))) continue
    messages.push(new ReceivedMessage(record, source.queueOf(record)))
  }
  return messages
}

function tagOf(scan: RecordScan): string | undefined {
  properties.read(scan.buffer, scan.propertiesAt, scan.propertiesEnd)
  return properties.optionalText(PropertyName.TAGS)
}
