import { int32At } from './big-endian.ts'
import { ByteView, copyBytes, setInt64 } from './byte-view.ts'
import { bodyCrc, copyWithCrc } from './crc32.ts'

/** Magic numbers of the CommitLog: a message with a 1-byte topic length, one with 2 bytes, the end of a file. */
export const RecordMagic = { V1: 0xdaa320a7 | 0, V2: 0xdaa320ab | 0, BLANK: 0xcbd43194 | 0 } as const

/** Bytes of a V1 record with IPv4 hosts and neither body, topic nor properties. */
export const RECORD_BYTES_MIN = 91

/** Bytes of the mark that closes a CommitLog file: the bytes that remain, and `RecordMagic.BLANK`. */
export const BLANK_BYTES = 8

/** Most bytes of the properties: their length is a Java short. */
export const PROPERTIES_BYTES_MAX = 32_767

/** What the property that covers the whole record begins with, and the bytes that it takes with ten digits and its separator. */
export const CRC_PROPERTY = Buffer.from('__CRC32#\u0001')
export const CRC_PROPERTY_BYTES = 20

const SEPARATOR = 2
const [DIGIT_0, CRC_DIGITS] = [48, 10]
const TOPIC_BYTES_MAX_V1 = 127
const EMPTY = Buffer.alloc(0)

/**
 * A message about to be stored: the fields of a CommitLog record (protocol/storage.md §2), its variable parts as ranges of
 * whatever buffer holds them. One instance is filled again for every message, so that none is made per message.
 */
export class RecordDraft {
  queueId = 0
  flag = 0
  queueOffset = 0
  /** Without the two bits for IPv6 hosts: they follow from the hosts' lengths. */
  sysFlag = 0
  bornTimestampMs = 0
  /** 4 or 16 bytes of address and 4 of port. */
  bornHost: Buffer = EMPTY
  storeTimestampMs = 0
  /** As `bornHost`. */
  storeHost: Buffer = EMPTY
  reconsumeTimes = 0
  preparedTransactionOffset = 0
  body: Buffer = EMPTY
  bodyAt = 0
  bodyEnd = 0
  /** UTF-8. More than 127 bytes make a V2 record. */
  topic: Buffer = EMPTY
  /** What comes before `properties`, where not all of them stand together; it ends with a separator, or they begin with one. */
  front: Buffer = EMPTY
  frontAt = 0
  frontEnd = 0
  /** `name \u0001 value \u0002 ...` */
  properties: Buffer = EMPTY
  propertiesAt = 0
  propertiesEnd = 0
  /**
   * Whether the record gets one more property, a CRC over all that stands before it (RocketMQ's enabledAppendPropCRC). Where the
   * properties leave no room for it there is none.
   */
  hasCrc = false
  readonly #target = new ByteView()
  readonly #body = new ByteView()
  readonly #front = new ByteView()
  readonly #properties = new ByteView()

  /** Size of the whole record. */
  get bytes(): number {
    const topicLengthBytes = this.topic.length > TOPIC_BYTES_MAX_V1 ? 2 : 1
    return (
      RECORD_BYTES_MIN -
      17 +
      this.bornHost.length +
      this.storeHost.length +
      topicLengthBytes +
      (this.bodyEnd - this.bodyAt) +
      this.topic.length +
      this.#propertiesBytes() +
      (this.hasCrc ? this.#crcBytes() : 0)
    )
  }

  /**
   * Writes the record to `target`, which has room for `bytes` from `at` on.
   * @returns the end of the record
   */
  put(target: Buffer, at: number, physicalOffset: number): number {
    const { body, bodyAt, bodyEnd, bornHost, storeHost, topic, frontAt, frontEnd } = this
    const view = this.#target.of(target)
    this.#body.of(body)
    this.#properties.of(this.properties)
    const v2 = topic.length > TOPIC_BYTES_MAX_V1
    const sysFlag = this.sysFlag | (bornHost.length > 8 ? 0x10 : 0) | (storeHost.length > 8 ? 0x20 : 0)
    view.setInt32(at + 4, v2 ? RecordMagic.V2 : RecordMagic.V1)
    view.setInt32(at + 12, this.queueId)
    view.setInt32(at + 16, this.flag)
    setInt64(view, at + 20, this.queueOffset)
    setInt64(view, at + 28, physicalOffset)
    view.setInt32(at + 36, sysFlag)
    setInt64(view, at + 40, this.bornTimestampMs)
    let to = setBytes(view, at + 48, bornHost)
    setInt64(view, to, this.storeTimestampMs)
    to = setBytes(view, to + 8, storeHost)
    view.setInt32(to, this.reconsumeTimes)
    setInt64(view, to + 4, this.preparedTransactionOffset)
    view.setInt32(to + 12, bodyEnd - bodyAt)
    to += 16
    view.setInt32(at + 8, copyWithCrc(this.#target, to, this.#body, bodyAt, bodyEnd) & 0x7fff_ffff)
    to += bodyEnd - bodyAt
    if (v2) view.setUint8(to++, topic.length >>> 8)
    view.setUint8(to++, topic.length)
    to = setBytes(view, to, topic)
    const crcBytes = this.hasCrc ? this.#crcBytes() : 0
    view.setInt16(to, this.#propertiesBytes() + crcBytes)
    to += 2
    if (frontEnd > frontAt) {
      this.#front.of(this.front)
      to = copyBytes(this.#target, to, this.#front, frontAt, frontEnd)
    }
    to = copyBytes(this.#target, to, this.#properties, this.propertiesAt, this.propertiesEnd)
    view.setInt32(at, to + crcBytes - at)
    return crcBytes > 0 ? putCrc(target, at, to, crcBytes) : to
  }

  /** Bytes of the CRC property, and of the separator before it where the properties do not end with theirs. */
  #crcBytes(): number {
    const { properties, propertiesAt, propertiesEnd } = this
    const isOpen = propertiesEnd > propertiesAt && properties[propertiesEnd - 1] !== SEPARATOR
    const bytes = CRC_PROPERTY_BYTES + (isOpen ? 1 : 0)
    return this.#propertiesBytes() + bytes > PROPERTIES_BYTES_MAX ? 0 : bytes
  }

  #propertiesBytes(): number {
    return this.frontEnd - this.frontAt + this.propertiesEnd - this.propertiesAt
  }
}

/**
 * Writes the CRC of the record that begins at `from` behind it: ten digits, the least significant first (protocol/storage.md §2).
 * @returns the end of the record
 */
function putCrc(target: Buffer, from: number, at: number, crcBytes: number): number {
  let to = at
  if (crcBytes > CRC_PROPERTY_BYTES) target[to++] = SEPARATOR
  let rest = bodyCrc(target, from, to)
  target.set(CRC_PROPERTY, to)
  to += CRC_PROPERTY.length
  for (let i = 0; i < CRC_DIGITS; i++) {
    target[to++] = DIGIT_0 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  target[to++] = SEPARATOR
  return to
}

/** Writes all of a short buffer. @returns the end of what was written */
function setBytes(view: DataView, at: number, bytes: Buffer): number {
  const count = bytes.length
  let done = 0
  for (; done + 4 <= count; done += 4) view.setInt32(at + done, int32At(bytes, done))
  for (; done < count; done++) view.setUint8(at + done, bytes[done] as number)
  return at + count
}
