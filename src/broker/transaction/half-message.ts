import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'

/** A message of a transaction that has not ended, as the half topic holds it: RocketMQ's half message. */
export interface HalfMessage {
  /** Where the log has the message as its producer sent it: the name of the transaction, whichever copy is meant. */
  readonly origin: number
  readonly physicalOffset: number
  readonly queueOffset: number
  /** The group of its producers. */
  readonly group: string
  /** By the clock of the producer, whatever that says. */
  readonly bornMs: number
  readonly storedMs: number
  /** Time from `bornMs` in which the producer is not asked (CHECK_IMMUNITY_TIME_IN_SECONDS); undefined: what the broker says. */
  readonly immunityMs: number | undefined
  /** How often the producer has been asked. */
  readonly checks: number
}

const properties = new PropertyScan()

/** Reads a half message from its record; undefined when the record is none. */
export function halfMessageOf(record: RecordScan): HalfMessage | undefined {
  if (record.topic !== SystemTopic.TRANS_HALF) return undefined
  properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
  const immunity = properties.optionalText(PropertyName.CHECK_IMMUNITY_TIME_IN_SECONDS) ?? ''
  return {
    origin: originOf(record),
    physicalOffset: record.physicalOffset,
    queueOffset: record.queueOffset,
    group: properties.optionalText(PropertyName.PGROUP) ?? '',
    bornMs: record.bornTimestampMs,
    storedMs: record.storeTimestampMs,
    immunityMs: /^\d{1,10}$/.test(immunity) ? Number(immunity) * 1000 : undefined,
    checks: Number(properties.optionalText(PropertyName.TRANSACTION_CHECK_TIMES) ?? 0) || 0,
  }
}

/** A copy of a half message that RocketMQ has made: it does not say of which one. */
export interface UnmarkedCopy {
  /** The same in all copies. */
  readonly uniqueKey: string
  /** Offset in the half queue of the message as its producer sent it, where the copy was made to pass its time of immunity. */
  readonly firstQueueOffset: number | undefined
}

/** What RocketMQ's half messages say of what they are copies of; undefined for those with a mark. */
export function unmarkedCopyOf(record: RecordScan): UnmarkedCopy | undefined {
  if (record.preparedTransactionOffset > 0) return undefined
  properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
  const uniqueKey = properties.optionalText(PropertyName.UNIQ_KEY)
  if (uniqueKey === undefined) return undefined
  const first = properties.optionalText(PropertyName.TRAN_PREPARED_QUEUE_OFFSET) ?? ''
  return { uniqueKey, firstQueueOffset: /^\d{1,15}$/.test(first) ? Number(first) : undefined }
}

/** What a copy of a half message says of the transaction it belongs to, in its field for the prepared transaction. */
export function originMark(origin: number): number {
  return origin + 1
}

/** The transaction that a half message or a parked one belongs to. RocketMQ writes no marks: there each copy stands for itself. */
export function originOf({ physicalOffset, preparedTransactionOffset }: RecordScan): number {
  return preparedTransactionOffset > 0 ? preparedTransactionOffset - 1 : physicalOffset
}
