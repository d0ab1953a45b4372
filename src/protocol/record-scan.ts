import { byteAt, int32At, int64At, uint16At } from './big-endian.ts'
import { bodyCrc } from './crc32.ts'
import { CRC_PROPERTY, CRC_PROPERTY_BYTES, RECORD_BYTES_MIN, RecordMagic } from './record-draft.ts'

/**
 * What stands at a place of the CommitLog: a whole message, the mark that closes a file, nothing (zeros), a message whose
 * end is beyond the given range, or bytes that are no message.
 */
export type RecordKind = 'message' | 'blank' | 'empty' | 'cut' | 'bad'

/** Largest record that is believed: a body of the largest settable size and everything around it. */
export const RECORD_BYTES_MAX = 512 * 1024 * 1024

const CRC_DIGITS = 10

/**
 * Reads a CommitLog record where it stands: checks it and notes where its parts are. One instance is used again.
 * The whole record is checked, not only its body (issue apache/rocketmq#7437): magic, every length against the total, its own
 * physical offset, names, properties, the body's CRC and the CRC property where there is one.
 */
export class RecordScan {
  buffer: Buffer = Buffer.alloc(0)
  /** Why the last `read` returned 'bad', or 'cut'. */
  reason = ''
  at = 0
  /** Bytes of the record; of a blank the bytes up to the end of the file, of a cut one what it claims. */
  bytes = 0
  queueId = 0
  flag = 0
  queueOffset = 0
  physicalOffset = 0
  sysFlag = 0
  bornTimestampMs = 0
  bornHostAt = 0
  storeTimestampMs = 0
  storeHostAt = 0
  reconsumeTimes = 0
  preparedTransactionOffset = 0
  bodyAt = 0
  bodyEnd = 0
  topicAt = 0
  topicEnd = 0
  propertiesAt = 0
  propertiesEnd = 0

  get topic(): string {
    return this.buffer.toString('utf8', this.topicAt, this.topicEnd)
  }

  /** Reads and checks the record at `at`, which must end by `end`; `physicalOffset` is where the log has it. */
  read(buffer: Buffer, at: number, end: number, physicalOffset: number): RecordKind {
    this.buffer = buffer
    this.at = at
    this.bytes = 0
    if (end - at < 8) return end > at && !isZero(buffer, at, end) ? this.#bad('fewer than 8 bytes') : 'cut'
    const bytes = int32At(buffer, at)
    const magic = int32At(buffer, at + 4)
    if (bytes === 0 && magic === 0) return 'empty'
    this.bytes = bytes
    if (magic === RecordMagic.BLANK) return bytes >= 8 ? 'blank' : this.#bad(`a blank of ${bytes} bytes`)
    if (magic !== RecordMagic.V1 && magic !== RecordMagic.V2) return this.#bad(`magic ${magic.toString(16)}`)
    if (bytes < RECORD_BYTES_MIN || bytes > RECORD_BYTES_MAX) return this.#bad(`a record of ${bytes} bytes`)
    return end - at < bytes ? this.#cut() : this.#readMessage(magic === RecordMagic.V2, physicalOffset)
  }

  #readMessage(v2: boolean, physicalOffset: number): RecordKind {
    return this.#readFixed(v2) && this.#check(physicalOffset) ? 'message' : 'bad'
  }

  /** Notes the parts; false when a length leads beyond the record. */
  #readFixed(v2: boolean): boolean {
    const { buffer, at } = this
    const recordEnd = at + this.bytes
    this.queueId = int32At(buffer, at + 12)
    this.flag = int32At(buffer, at + 16)
    this.queueOffset = int64At(buffer, at + 20)
    this.physicalOffset = int64At(buffer, at + 28)
    this.sysFlag = int32At(buffer, at + 36)
    this.bornTimestampMs = int64At(buffer, at + 40)
    this.bornHostAt = at + 48
    let next = at + 48 + ((this.sysFlag & 0x10) !== 0 ? 20 : 8)
    this.storeTimestampMs = int64At(buffer, next)
    this.storeHostAt = next + 8
    next = this.storeHostAt + ((this.sysFlag & 0x20) !== 0 ? 20 : 8)
    this.reconsumeTimes = int32At(buffer, next)
    this.preparedTransactionOffset = int64At(buffer, next + 4)
    const bodyBytes = int32At(buffer, next + 12)
    this.bodyAt = next + 16
    this.bodyEnd = this.bodyAt + bodyBytes
    if (bodyBytes < 0 || this.bodyEnd + 4 > recordEnd) return this.#fail(`a body of ${bodyBytes} bytes`)
    this.topicAt = this.bodyEnd + (v2 ? 2 : 1)
    this.topicEnd = this.topicAt + (v2 ? uint16At(buffer, this.bodyEnd) : byteAt(buffer, this.bodyEnd))
    this.propertiesAt = this.topicEnd + 2
    if (this.propertiesAt > recordEnd) return this.#fail('a topic beyond the record')
    this.propertiesEnd = this.propertiesAt + uint16At(buffer, this.topicEnd)
    if (this.propertiesEnd !== recordEnd) return this.#fail('lengths that do not add up to the total')
    return true
  }

  #check(physicalOffset: number): boolean {
    const { buffer, at } = this
    if (this.physicalOffset !== physicalOffset) return this.#fail(`physical offset ${this.physicalOffset}`)
    if (this.queueOffset < 0 || this.queueId < 0)
      return this.#fail(`queue ${this.queueId}, offset ${this.queueOffset}`)
    if (!isTopic(buffer, this.topicAt, this.topicEnd))
      return this.#fail('a topic with characters that no topic has')
    if (!arePairs(buffer, this.propertiesAt, this.propertiesEnd))
      return this.#fail('properties that are no pairs')
    const crc = bodyCrc(buffer, this.bodyAt, this.bodyEnd)
    // an empty body has CRC 0 by definition; no other value is special (issue apache/rocketmq#9121)
    if (this.bodyEnd > this.bodyAt && crc !== int32At(buffer, at + 8)) return this.#fail('body CRC')
    return this.#checkCrcProperty()
  }

  /** `__CRC32#` over all that stands before it, ten digits, the least significant first. */
  #checkCrcProperty(): boolean {
    const { buffer } = this
    const at = this.propertiesEnd - CRC_PROPERTY_BYTES
    if (at < this.propertiesAt || CRC_PROPERTY.compare(buffer, at, at + CRC_PROPERTY.length) !== 0)
      return true
    let expected = 0
    for (let i = CRC_DIGITS - 1; i >= 0; i--)
      expected = expected * 10 + byteAt(buffer, at + CRC_PROPERTY.length + i) - 48
    return bodyCrc(buffer, this.at, at) === expected || this.#fail('CRC property')
  }

  #fail(reason: string): boolean {
    this.reason = reason
    return false
  }

  #cut(): RecordKind {
    this.reason = 'it ends beyond what is there'
    return 'cut'
  }

  #bad(reason: string): RecordKind {
    this.reason = reason
    return 'bad'
  }
}

function isZero(buffer: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (buffer[i] !== 0) return false
  return true
}

/** Visible bytes, at least one. Wider than what clients may name a topic: system topics carry names of clusters and brokers. */
function isTopic(buffer: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (byteAt(buffer, i) <= 32 || byteAt(buffer, i) === 127) return false
  return end > at
}

/** Nothing, or text with at least one separator between a name and a value: clients may send odd pairs, which are kept. */
function arePairs(buffer: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (byteAt(buffer, i) === 1) return true
  return end === at
}
