import { byteAt, int32At, uint16At } from '../../protocol/big-endian.ts'
import type { PropertyScan } from '../../protocol/property-scan.ts'
import { RECORD_BYTES_MIN, RecordMagic } from '../../protocol/record-draft.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'

const SYS_FLAG_AT = 36
const BORN_HOST_AT = 48
const IPV4_HOST_BYTES = 8
const IPV6_HOST_BYTES = 20

/**
 * Reads the properties of the CommitLog record at `[at, end)` (layout: protocol/storage.md §2) and nothing
 * else of it: it has been checked when it came into the log.
 * @returns false when lengths lead beyond the record, as only bytes that are no message can
 * @throws MqError messageIllegal when there are more properties than the scan takes
 */
export function readRecordProperties(scan: PropertyScan, source: Buffer, at: number, end: number): boolean {
  if (end - at < RECORD_BYTES_MIN) return false
  const sysFlag = int32At(source, at + SYS_FLAG_AT)
  const storeTimestampAt = at + BORN_HOST_AT + hostBytes(sysFlag & MessageSysFlag.BORN_HOST_V6)
  const reconsumeTimesAt = storeTimestampAt + 8 + hostBytes(sysFlag & MessageSysFlag.STORE_HOST_V6)
  const bodyLengthAt = reconsumeTimesAt + 4 + 8
  const bodyBytes = int32At(source, bodyLengthAt)
  const topicLengthAt = bodyLengthAt + 4 + bodyBytes
  if (bodyBytes < 0 || topicLengthAt + 2 > end) return false
  const isV2 = int32At(source, at + 4) === RecordMagic.V2
  const topicAt = topicLengthAt + (isV2 ? 2 : 1)
  const propertiesLengthAt =
    topicAt + (isV2 ? uint16At(source, topicLengthAt) : byteAt(source, topicLengthAt))
  const propertiesAt = propertiesLengthAt + 2
  if (propertiesAt > end) return false
  const propertiesEnd = propertiesAt + uint16At(source, propertiesLengthAt)
  if (propertiesEnd > end) return false
  scan.read(source, propertiesAt, propertiesEnd)
  return true
}

function hostBytes(ipv6Bit: number): number {
  return ipv6Bit === 0 ? IPV4_HOST_BYTES : IPV6_HOST_BYTES
}
