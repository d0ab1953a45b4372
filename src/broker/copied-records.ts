import { PropertyName } from '../protocol/message-properties.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { LogWalk } from '../store/log-walk.ts'
import type { MessageStore } from '../store/message-store.ts'

/**
 * Calls `visit` with every record of a topic that copies in the log from `from` on were made of: a copy names its record by the field for the
 * prepared transaction, which holds that record's offset plus one. By this a start knows what was delivered before a crash. It gets
 * the properties of the copy too.
 * @throws the disk's error
 */
export function forEachCopied(
  store: MessageStore,
  topic: string,
  from: number,
  visit: (origin: RecordScan, copied: PropertyScan) => void,
): void {
  const { files } = store.log
  const walk = new LogWalk(files, Math.max(from, files.firstOffset))
  const properties = new PropertyScan()
  const origin = new RecordScan()
  while (walk.end < store.confirmedEnd && walk.next()) {
    const { record } = walk
    const originOffset = record.preparedTransactionOffset - 1
    if (originOffset < 0 || (record.sysFlag & MessageSysFlag.TRANSACTION_MASK) !== 0) continue
    properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    if (properties.find(PropertyName.REAL_TOPIC) < 0) continue
    const bytes = store.recordAt(originOffset)
    if (!bytes || origin.read(bytes, 0, bytes.length, originOffset) !== 'message') continue
    if (origin.topic === topic) visit(origin, properties)
  }
}
