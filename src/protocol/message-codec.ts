import { MqError } from '../base/errors.ts'
import { int32At, int64At } from './big-endian.ts'
import {
  HOST_BYTES_V4,
  HOST_BYTES_V6,
  type HostAddress,
  ipBytesOf,
  ipV4TextAt,
  ipV6TextAt,
} from './host-address.ts'
import { parseProperties } from './message-properties.ts'
import { PROPERTIES_BYTES_MAX, RecordDraft } from './record-draft.ts'
import { RecordScan } from './record-scan.ts'
import { MessageSysFlag } from './sys-flag.ts'

/** The fields of a message as the CommitLog stores it, apart from those that follow from the others. */
export interface MessageRecord {
  readonly topic: string
  readonly queueId: number
  /** Index in its queue. */
  readonly queueOffset: number
  /** Place in the CommitLog of the broker that `storeHost` names. */
  readonly commitLogOffset: number
  /** `MessageSysFlag`; the bits for IPv6 hosts are set by the encoder. */
  readonly sysFlag: number
  /** The sender's own number, never looked at. */
  readonly flag: number
  /** Milliseconds since 1970 by the sender's clock, whatever it was; rounded beyond 2^53. */
  readonly bornTimestamp: number
  readonly bornHost: HostAddress
  /** Milliseconds since 1970 by the broker's clock. */
  readonly storeTimestamp: number
  readonly storeHost: HostAddress
  readonly reconsumeTimes: number
  readonly preparedTransactionOffset: number
  /**
   * As stored, so perhaps compressed (`compressionOf(sysFlag)`). Decoded ones are views of what was decoded.
   */
  readonly body: Buffer
  /** The property text as stored, duplicates included. */
  readonly propertiesBytes: Buffer
}

/** A message as a pull brings it. */
export interface MessageExt extends MessageRecord {
  /** Parsed from `propertiesBytes`. */
  readonly properties: ReadonlyMap<string, string>
  /** CRC of the body as stored. */
  readonly bodyCrc: number
  /** Bytes of the whole record. */
  readonly storeSizeBytes: number
}

const scan = new RecordScan()

/**
 * Reads the messages of a pull body: records of the CommitLog (`RecordDraft` has the layout), one behind the
 * other.
 * @throws MqError badRecord when anything in it is not a whole and undamaged message
 */
export function decodeMessages(source: Buffer): MessageExt[] {
  const messages: MessageExt[] = []
  for (let at = 0; at < source.length; ) {
    const message = decodeMessage(source, at)
    messages.push(message)
    at += message.storeSizeBytes
  }
  return messages
}

/**
 * Reads the record that begins at `at`. What stands behind its end is not looked at.
 * @throws MqError badRecord when no whole and undamaged message stands there
 */
export function decodeMessage(source: Buffer, at = 0): MessageExt {
  const offset = source.length - at >= 36 ? int64At(source, at + 28) : 0
  const kind = scan.read(source, at, source.length, offset)
  if (kind !== 'message') {
    throw new MqError('badRecord', `message at byte ${at}: ${kind === 'bad' ? scan.reason : kind}`)
  }
  const { queueOffset, physicalOffset, storeTimestampMs, preparedTransactionOffset, sysFlag } = scan
  for (const value of [queueOffset, physicalOffset, storeTimestampMs, preparedTransactionOffset]) {
    if (!Number.isSafeInteger(value))
      throw new MqError('badRecord', `message at byte ${at}: ${value} is beyond 2^53`)
  }
  const { propertiesAt, propertiesEnd } = scan
  return {
    topic: scan.topic,
    queueId: scan.queueId,
    queueOffset,
    commitLogOffset: physicalOffset,
    sysFlag,
    flag: scan.flag,
    bornTimestamp: scan.bornTimestampMs,
    bornHost: hostAt(source, scan.bornHostAt, (sysFlag & MessageSysFlag.BORN_HOST_V6) !== 0),
    storeTimestamp: storeTimestampMs,
    storeHost: hostAt(source, scan.storeHostAt, (sysFlag & MessageSysFlag.STORE_HOST_V6) !== 0),
    reconsumeTimes: scan.reconsumeTimes,
    preparedTransactionOffset,
    body: source.subarray(scan.bodyAt, scan.bodyEnd),
    propertiesBytes: source.subarray(propertiesAt, propertiesEnd),
    properties: parseProperties(source.toString('utf8', propertiesAt, propertiesEnd)),
    bodyCrc: int32At(source, at + 8),
    storeSizeBytes: scan.bytes,
  }
}

/**
 * Writes a record as the CommitLog holds it. A topic of more than 127 bytes makes it a V2 record.
 * @throws MqError messageIllegal when topic or properties are too long for their length fields
 */
export function encodeMessage(record: MessageRecord): Buffer {
  const draft = new RecordDraft()
  draft.topic = Buffer.from(record.topic)
  if (draft.topic.length > PROPERTIES_BYTES_MAX || record.propertiesBytes.length > PROPERTIES_BYTES_MAX) {
    const lengths = `topic of ${draft.topic.length} and properties of ${record.propertiesBytes.length} bytes`
    throw new MqError('messageIllegal', `${lengths}, more than ${PROPERTIES_BYTES_MAX}`)
  }
  draft.queueId = record.queueId
  draft.queueOffset = record.queueOffset
  draft.sysFlag = record.sysFlag & ~(MessageSysFlag.BORN_HOST_V6 | MessageSysFlag.STORE_HOST_V6)
  draft.flag = record.flag
  draft.bornTimestampMs = record.bornTimestamp
  draft.bornHost = hostBytes(record.bornHost)
  draft.storeTimestampMs = record.storeTimestamp
  draft.storeHost = hostBytes(record.storeHost)
  draft.reconsumeTimes = record.reconsumeTimes
  draft.preparedTransactionOffset = record.preparedTransactionOffset
  draft.body = record.body
  draft.bodyEnd = record.body.length
  draft.properties = record.propertiesBytes
  draft.propertiesEnd = record.propertiesBytes.length
  const bytes = Buffer.alloc(draft.bytes)
  draft.put(bytes, 0, record.commitLogOffset)
  return bytes
}

/** Address and port as a record holds them: 4 or 16 bytes of IP, then the port as an int32. */
export function hostBytes(host: HostAddress): Buffer {
  const ip = ipBytesOf(host.ip)
  const bytes = Buffer.alloc(ip.length === 4 ? HOST_BYTES_V4 : HOST_BYTES_V6)
  ip.copy(bytes)
  bytes.writeInt32BE(host.port, ip.length)
  return bytes
}

function hostAt(source: Buffer, at: number, isV6: boolean): HostAddress {
  return isV6
    ? { ip: ipV6TextAt(source, at), port: int32At(source, at + 16) }
    : { ip: ipV4TextAt(source, at), port: int32At(source, at + 4) }
}
