import { type ReceivedMessage, readMessages } from '../client/received-message.ts'
import { parseTagExpression } from '../protocol/tag-expression.ts'
import type { System } from '../server/system.ts'

type Broker = NonNullable<System['broker']>

/** All messages that a broker holds of a topic, in the order in which it has stored them. */
export function storedMessages(broker: Broker, topic: string): ReceivedMessage[] {
  const { store, topics, settings } = broker
  const config = topics.get(topic)?.config
  const queueCount = config ? Math.max(config.readQueueNums, config.writeQueueNums) : 0
  const messages: ReceivedMessage[] = []
  for (let queueId = 0; queueId < queueCount; queueId++) {
    const queue = store.queues.existing(topic, queueId)
    if (!queue) continue
    const messageQueue = { topic, brokerName: settings.brokerName, queueId }
    for (let offset = queue.minOffset; offset < queue.maxOffset; offset++) {
      const entry = queue.entrySync(offset)
      const record = entry && store.recordAt(entry.physicalOffset)
      if (!record) continue
      const range = { at: 0, end: record.length }
      messages.push(...readMessages(Buffer.from(record), range, messageQueue, parseTagExpression('*')))
    }
  }
  return messages.sort((a, b) => a.commitLogOffset - b.commitLogOffset)
}

/** Messages of a topic that a group has yet to commit; all for a group that has committed nothing. */
export function lagOf(broker: Broker, group: string, topic: string): number {
  const { store, topics, offsets } = broker
  const queueCount = topics.get(topic)?.config.readQueueNums ?? 0
  const committed = offsets.find(group, topic)
  let lag = 0
  for (let queueId = 0; queueId < queueCount; queueId++) {
    const queue = store.queues.existing(topic, queueId)
    if (queue) lag += queue.maxOffset - (committed?.get(queueId) ?? queue.minOffset)
  }
  return lag
}
