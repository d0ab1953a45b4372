import { PropertyName } from '../protocol/message-properties.ts'
import { SystemTopic } from '../protocol/names.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { Diversion, Divert } from './diversion.ts'
import type { TopicTable } from './topic-table.ts'

/** Properties that ask for a timer; a message with a delay level loses them. */
export const TIMER_REQUESTS: ReadonlySet<string> = new Set([
  PropertyName.TIMER_DELAY_SEC,
  PropertyName.TIMER_DELAY_MS,
  PropertyName.TIMER_DELIVER_MS,
])

/** Takes messages with a delay level to the queue of that level (protocol/semantics.md §4). */
export function delayDiversion(store: MessageStore, topics: TopicTable): Divert {
  return (message, properties) => {
    const index = properties.scan.find(PropertyName.DELAY)
    if (index < 0) return undefined
    const level = Number(properties.scan.text(index))
    const transaction = message.sysFlag & MessageSysFlag.TRANSACTION_MASK
    const isWhole = transaction === 0 || transaction === MessageSysFlag.TRANSACTION_COMMIT
    if (!isWhole || !Number.isInteger(level) || level <= 0) return undefined
    const { levelMax } = store.delayLevels
    const pairs: [string, string][] = [
      [PropertyName.REAL_TOPIC, message.topicName],
      [PropertyName.REAL_QID, String(message.queueId)],
    ]
    if (level > levelMax) pairs.push([PropertyName.DELAY, String(levelMax)])
    properties.set(pairs, TIMER_REQUESTS)
    return { ...levelQueue(store, level), countedFor: topics.require(SystemTopic.SCHEDULE) }
  }
}

/** Where messages of a level wait; levels above the highest count as the highest. */
export function levelQueue(store: MessageStore, level: number): Diversion {
  store.renewStoreTime()
  return {
    topic: store.topic(SystemTopic.SCHEDULE),
    queueId: Math.min(level, store.delayLevels.levelMax) - 1,
  }
}
