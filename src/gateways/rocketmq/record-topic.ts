import { PropertyName } from '../../protocol/message-properties.ts'
import { isSystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import type { MessageStore } from '../../store/message-store.ts'

/**
 * The topic that the message at an offset of the log was sent to: of one that waits in a topic of the broker's own (delayed, half of a
 * transaction) the topic that it waits for. Undefined when no message begins there.
 */
export function recordTopic(store: MessageStore, physicalOffset: number): string | undefined {
  const bytes = physicalOffset >= 0 ? store.recordAt(physicalOffset) : undefined
  if (!bytes) return undefined
  const record = new RecordScan()
  if (record.read(bytes, 0, bytes.length, physicalOffset) !== 'message') return undefined
  const { topic } = record
  if (!isSystemTopic(topic)) return topic
  // in other topics the property is the sender's word
  const properties = new PropertyScan()
  properties.read(bytes, record.propertiesAt, record.propertiesEnd)
  return properties.optionalText(PropertyName.REAL_TOPIC) ?? topic
}
