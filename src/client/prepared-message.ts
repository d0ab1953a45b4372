import type { Clock } from '../base/host.ts'
import { encodeBatch } from '../protocol/message-batch.ts'
import {
  type BodyCompression,
  COMPRESS_BYTES_MIN,
  COMPRESSION_FLAGS,
  compressBody,
  requiredCodec,
} from '../protocol/message-body.ts'
import type { UniqueKeyMaker } from '../protocol/message-id.ts'
import { NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR, PropertyName } from '../protocol/message-properties.ts'
import { checkTopic, isRetryTopic } from '../protocol/names.ts'
import { PROPERTIES_BYTES_MAX } from '../protocol/record-draft.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { Message } from './message.ts'

/** What a send request carries: one message, several in one body, or the reply to a request. */
export type MessageKind = 'message' | 'batch' | 'reply'

/** A message, or a batch of them, ready for the header and body of a send request. */
export interface PreparedMessage {
  readonly topic: string
  readonly body: Buffer
  readonly sysFlag: number
  readonly flag: number
  /** Property text; empty for none. */
  readonly properties: string
  /** The client's id of the message; of a batch, those of all its messages. */
  readonly ids: readonly string[]
  readonly kind: MessageKind
  /** It is delivered at a time of its own, and may be called back until then. */
  readonly isTimed: boolean
  /** Of a message that a consumer sends again. */
  readonly reconsumeTimes: number
  /** -1 where none is said. */
  readonly reconsumeTimesMax: number
}

export interface PrepareOptions {
  /** Largest body, before compression. */
  readonly bodyBytesMax: number
  /** Bodies of so many bytes and more are compressed. */
  readonly compressBytesMin: number
  readonly compression: BodyCompression
}

export const PREPARE_DEFAULTS: PrepareOptions = {
  bodyBytesMax: 4 * 1024 * 1024,
  compressBytesMin: COMPRESS_BYTES_MIN,
  compression: 'zlib',
}

/** Names that RocketMQ gives a meaning to: a program sets them by what they mean, not by name. */
const reservedNames: ReadonlySet<string> = new Set(Object.values(PropertyName))

const CHECKED_TOPICS_MAX = 1000

/** What a message is beside what its program says. */
export interface MessageExtra {
  readonly kind?: MessageKind
  /** Further properties, in the text of the wire. */
  readonly properties: string
  /** Further bits of the sysFlag. */
  readonly sysFlag?: number
}

const nothing: MessageExtra = { properties: '' }

/** A message of a batch in the making. */
export interface BatchEntry {
  readonly id: string
  readonly flag: number
  readonly body: Buffer
  readonly propertiesBytes: Buffer
}

/** Checks messages and puts them into the form of the wire. */
export class MessagePreparer {
  readonly #clock: Clock
  readonly #ids: UniqueKeyMaker
  readonly #options: PrepareOptions
  /** Topics that were found to be well formed: a sender's few are not looked at again and again. */
  readonly #checkedTopics = new Set<string>()

  /** @throws ClientError notSupported for a compression that is not here */
  constructor(clock: Clock, ids: UniqueKeyMaker, options: PrepareOptions) {
    try {
      if (options.compression !== 'zlib') requiredCodec(options.compression)
    } catch (error) {
      throw clientErrorOf(error)
    }
    this.#clock = clock
    this.#ids = ids
    this.#options = options
  }

  /** @throws ClientError invalidParameter, messageIllegal for what no broker would take */
  one(message: Message, extra: MessageExtra = nothing): PreparedMessage {
    const { topic, flag = 0 } = message
    this.#checkTopic(topic)
    const bytes = this.#bodyOf(message)
    const id = this.#ids.next(this.#clock.nowMs())
    const properties = propertiesOf(message, id) + extra.properties
    checkPropertiesLength(properties)
    const { compressBytesMin, compression } = this.#options
    const compressed = bytes.length >= compressBytesMin ? compressBody(bytes, compression) : bytes
    const isSmaller = compressed.length < bytes.length
    return {
      topic,
      body: isSmaller ? compressed : bytes,
      sysFlag: (isSmaller ? COMPRESSION_FLAGS[compression] : 0) | (extra.sysFlag ?? 0),
      flag,
      properties,
      ids: [id],
      kind: extra.kind ?? 'message',
      isTimed: message.delayMs !== undefined || message.deliverAtMs !== undefined,
      reconsumeTimes: 0,
      reconsumeTimesMax: -1,
    }
  }

  /**
   * Several messages of one topic, stored together or not at all. Each keeps its own id.
   * @throws ClientError invalidParameter, messageIllegal
   */
  batch(messages: readonly Message[]): PreparedMessage {
    const [first] = messages
    if (!first) throw new ClientError('invalidParameter', 'a batch holds no message')
    const { topic, waitStored = true } = first
    if (isRetryTopic(topic)) throw new ClientError('invalidParameter', `a batch cannot go to ${topic}`)
    const entries = messages.map((message) => {
      checkBatchable(message, { topic, waitStored })
      return this.entry(message)
    })
    return this.join(topic, entries, waitStored)
  }

  /** One message of a batch. @throws ClientError invalidParameter, messageIllegal */
  entry(message: Message): BatchEntry {
    this.#checkTopic(message.topic)
    const id = this.#ids.next(this.#clock.nowMs())
    const properties = propertiesOf(message, id)
    checkPropertiesLength(properties)
    const propertiesBytes = Buffer.from(properties)
    return { id, flag: message.flag ?? 0, body: this.#bodyOf(message), propertiesBytes }
  }

  /** @throws ClientError messageIllegal when they are too large together */
  join(topic: string, entries: readonly BatchEntry[], waitStored: boolean): PreparedMessage {
    const body = encodeBatch(entries)
    const { bodyBytesMax } = this.#options
    if (body.length > bodyBytesMax) {
      throw new ClientError('messageIllegal', `a batch of ${body.length} bytes, more than ${bodyBytesMax}`)
    }
    // the properties of the request are put behind those of each message: an id there would hide their own
    const properties = waitStored ? '' : pair(PropertyName.WAIT, 'false')
    const ids = entries.map(({ id }) => id)
    return {
      ...{ topic, body, sysFlag: 0, flag: 0, properties, ids, kind: 'batch', isTimed: false },
      ...{ reconsumeTimes: 0, reconsumeTimesMax: -1 },
    }
  }

  #checkTopic(topic: string): void {
    if (this.#checkedTopics.has(topic)) return
    if (typeof topic !== 'string') throw new ClientError('invalidParameter', 'a message has no topic')
    try {
      checkTopic(topic)
    } catch (error) {
      throw clientErrorOf(error)
    }
    if (this.#checkedTopics.size >= CHECKED_TOPICS_MAX) this.#checkedTopics.clear()
    this.#checkedTopics.add(topic)
  }

  #bodyOf({ topic, body }: Message): Buffer {
    const bytes = bytesOf(body)
    const { bodyBytesMax } = this.#options
    if (bytes.length === 0) throw new ClientError('messageIllegal', `a message to ${topic} has an empty body`)
    if (bytes.length > bodyBytesMax) {
      throw new ClientError(
        'messageIllegal',
        `a message to ${topic} has a body of ${bytes.length} bytes, more than ${bodyBytesMax}`,
      )
    }
    return bytes
  }
}

/** A property in the text of the wire. */
export function pair(name: string, value: string): string {
  return name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR
}

/** @throws ClientError messageIllegal when a record has no room for them */
export function checkPropertiesLength(properties: string): void {
  if (properties.length * 3 <= PROPERTIES_BYTES_MAX) return
  const bytes = Buffer.byteLength(properties)
  if (bytes <= PROPERTIES_BYTES_MAX) return
  throw new ClientError('messageIllegal', `properties of ${bytes} bytes, more than ${PROPERTIES_BYTES_MAX}`)
}

function checkBatchable(message: Message, first: { topic: string; waitStored: boolean }): void {
  const { topic, waitStored = true } = message
  if (topic !== first.topic) {
    throw new ClientError('invalidParameter', `a batch goes to one topic, not ${first.topic} and ${topic}`)
  }
  if (waitStored !== first.waitStored) {
    throw new ClientError('invalidParameter', 'messages of a batch differ in waitStored')
  }
  if (
    message.delayLevel !== undefined ||
    message.delayMs !== undefined ||
    message.deliverAtMs !== undefined
  ) {
    throw new ClientError('invalidParameter', 'messages of a batch cannot be delayed')
  }
}

function bytesOf(body: string | Uint8Array): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  if (Buffer.isBuffer(body)) return body
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  throw new ClientError('invalidParameter', 'a body wants a text or bytes')
}

function propertiesOf(message: Message, id: string): string {
  const { tag, keys, properties, waitStored } = message
  let text = pair(PropertyName.UNIQ_KEY, id)
  if (tag !== undefined && tag !== '') text += checkedPair(PropertyName.TAGS, tag)
  if (keys !== undefined && keys.length > 0) text += checkedPair(PropertyName.KEYS, keysText(keys))
  if (waitStored === false) text += pair(PropertyName.WAIT, 'false')
  text += delayText(message)
  if (properties === undefined) return text
  for (const name of Object.keys(properties)) {
    if (reservedNames.has(name)) {
      throw new ClientError('invalidParameter', `property ${name} is one of RocketMQ's own`)
    }
    const value = properties[name]
    if (name === '' || typeof value !== 'string' || value === '') {
      throw new ClientError('invalidParameter', `property "${name}" wants a name and a value`)
    }
    text += checkedPair(name, value)
  }
  return text
}

function delayText({ delayLevel, delayMs, deliverAtMs }: Message): string {
  if (delayLevel === undefined && delayMs === undefined && deliverAtMs === undefined) return ''
  const given = [delayLevel, delayMs, deliverAtMs].filter((value) => value !== undefined)
  if (given.length > 1) throw new ClientError('invalidParameter', 'a message is delayed in more than one way')
  const value = given[0] ?? 0
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ClientError('invalidParameter', `a delay wants a whole number, not ${value}`)
  }
  if (delayLevel !== undefined) return pair(PropertyName.DELAY, String(delayLevel))
  if (delayMs !== undefined) return pair(PropertyName.TIMER_DELAY_MS, String(delayMs))
  return pair(PropertyName.TIMER_DELIVER_MS, String(deliverAtMs))
}

function keysText(keys: string | readonly string[]): string {
  if (typeof keys === 'string') return keys
  const spaced = keys.find((key) => key.includes(' '))
  if (spaced !== undefined) throw new ClientError('invalidParameter', `key "${spaced}" holds a space`)
  return keys.join(' ')
}

function checkedPair(name: string, value: string): string {
  if (hasSeparator(name) || hasSeparator(value)) {
    throw new ClientError('messageIllegal', `property ${JSON.stringify(name)} holds a separator character`)
  }
  return pair(name, value)
}

function hasSeparator(text: string): boolean {
  return text.includes(NAME_VALUE_SEPARATOR) || text.includes(PROPERTY_SEPARATOR)
}
