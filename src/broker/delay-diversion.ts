import { PropertyName } from '../protocol/message-properties.ts'
import { SystemTopic } from '../protocol/names.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { Divert } from './diversion.ts'

/** Takes messages with a delay level to the queue of that level (protocol/semantics.md §4). */
export function delayDiversion(store: MessageStore): Divert {
  return (message, properties) => {
    const index = properties.scan.find(PropertyName.DELAY)
    if (index < 0) return undefined
    const level = Number(properties.scan.text(index))
    const transaction = message.sysFlag & MessageSysFlag.TRANSACTION_MASK
    const isWhole = transaction === 0 || transaction === MessageSysFlag.TRANSACTION_COMMIT
    if (!isWhole || !Number.isInteger(level) || level <= 0) return undefined
    properties.set([
      [PropertyName.REAL_TOPIC, message.topicName],
      [PropertyName.REAL_QID, String(message.queueId)],
    ])
    return {
      topic: store.topic(SystemTopic.SCHEDULE),
      queueId: Math.min(level, store.delayLevels.levelMax) - 1,
    }
  }
}
