import type { MessageStore } from '../store/message-store.ts'
import type { QueueName } from './offset-queries.ts'

/**
 * When the message at this offset of a queue was stored, milliseconds since 1970; undefined when there is
 * none.
 */
export function storedMsAt(
  store: MessageStore,
  { topic, queueId }: QueueName,
  queueOffset: number,
): number | undefined {
  const entry = queueOffset < 0 ? undefined : store.queues.existing(topic, queueId)?.entrySync(queueOffset)
  return entry && store.storedMsOf(entry)
}
