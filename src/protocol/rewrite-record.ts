import { RecordDraft } from './record-draft.ts'
import type { RecordScan } from './record-scan.ts'
import { MessageSysFlag } from './sys-flag.ts'

const HOST_BITS = MessageSysFlag.BORN_HOST_V6 | MessageSysFlag.STORE_HOST_V6
const draft = new RecordDraft()

/**
 * A record as it would be with another topic and one more property, for a client that is to see it so: its offsets stay.
 * @param record as it was scanned just now
 * @param property name and value, as properties are written
 */
export function rewriteRecord(record: RecordScan, topic: Buffer, property: string): Buffer {
  const { buffer, propertiesAt, propertiesEnd } = record
  const isOpenEnded = propertiesEnd > propertiesAt && buffer[propertiesEnd - 1] !== 2
  draft.properties = Buffer.concat([
    buffer.subarray(propertiesAt, propertiesEnd),
    Buffer.from(isOpenEnded ? `\u0002${property}` : property),
  ])
  draft.propertiesEnd = draft.properties.length
  draft.topic = topic
  draft.queueId = record.queueId
  draft.flag = record.flag
  draft.queueOffset = record.queueOffset
  draft.sysFlag = record.sysFlag & ~HOST_BITS
  draft.bornTimestampMs = record.bornTimestampMs
  draft.bornHost = hostOf(buffer, record.bornHostAt, record.sysFlag & MessageSysFlag.BORN_HOST_V6)
  draft.storeTimestampMs = record.storeTimestampMs
  draft.storeHost = hostOf(buffer, record.storeHostAt, record.sysFlag & MessageSysFlag.STORE_HOST_V6)
  draft.reconsumeTimes = record.reconsumeTimes
  draft.preparedTransactionOffset = record.preparedTransactionOffset
  draft.body = buffer
  draft.bodyAt = record.bodyAt
  draft.bodyEnd = record.bodyEnd
  const rewritten = Buffer.allocUnsafe(draft.bytes)
  draft.put(rewritten, 0, record.physicalOffset)
  return rewritten
}

function hostOf(buffer: Buffer, at: number, ipv6: number): Buffer {
  return buffer.subarray(at, at + (ipv6 === 0 ? 8 : 20))
}
