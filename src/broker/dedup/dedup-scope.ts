import { PropertyName } from '../../protocol/message-properties.ts'
import { isSystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'

/** The property by which a producer says that messages are the same one, sent again. */
export const DEDUP_KEY = 'TERN_DEDUP_KEY'

const properties = new PropertyScan()

/**
 * Within what a key means one message: the topic, and the producer group where the message names it (PGROUP).
 * @returns undefined for a message without a key
 */
export function dedupScope(topic: string, scan: PropertyScan): string | undefined {
  const index = scan.find(DEDUP_KEY)
  if (index < 0) return undefined
  return `${topic}\u0000${scan.optionalText(PropertyName.PGROUP) ?? ''}\u0000${scan.text(index)}`
}

/** The scope of a record that a producer has sent; undefined for one without a key, and for copies of others. */
export function dedupScopeOf(record: RecordScan): string | undefined {
  const isCommitted = (record.sysFlag & MessageSysFlag.TRANSACTION_MASK) === MessageSysFlag.TRANSACTION_COMMIT
  if (isCommitted || record.preparedTransactionOffset > 0) return undefined
  properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
  const { topic } = record
  // one that is delayed or prepared lies elsewhere, and says where it goes
  const sentTo = isSystemTopic(topic) ? properties.optionalText(PropertyName.REAL_TOPIC) : topic
  return dedupScope(sentTo ?? topic, properties)
}

/** A number within 53 bits for a scope: what is kept of it in memory. */
export function dedupHash(scope: string): number {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let i = 0; i < scope.length; i++) {
    const unit = scope.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x01000193)
    low = Math.imul(low ^ unit, 0x5bd1e995)
    low ^= low >>> 15
  }
  return (high >>> 0) * 0x20_0000 + (low >>> 11)
}
