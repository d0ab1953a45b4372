import type { FastJson } from './fastjson.ts'
import type { JsonFields } from './json-fields.ts'

/** A queue as clients name it: everywhere in the cluster, one of a topic's queues on one broker. */
export interface MessageQueue {
  readonly topic: string
  readonly brokerName: string
  readonly queueId: number
}

/**
 * A table whose keys are queues. Such maps go over the wire with an object as key
 * (`{{"brokerName":...}:{...}}`); here they are maps from queue objects, compared by identity: walk them, or
 * key them anew by `messageQueueKey`.
 */
export type MessageQueueTable<T> = ReadonlyMap<MessageQueue, T>

/** RocketMQ's order of queues, in which rebalancing deals them out: topic, broker name, queue id. */
export function compareMessageQueues(left: MessageQueue, right: MessageQueue): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1
  if (left.brokerName !== right.brokerName) return left.brokerName < right.brokerName ? -1 : 1
  return left.queueId - right.queueId
}

/** A text that is the same for equal queues and different for different ones. No name holds the separator. */
export function messageQueueKey(queue: MessageQueue): string {
  return `${queue.topic}@${queue.brokerName}@${queue.queueId}`
}

/** The queue as RocketMQ's Java class prints itself; the consistent-hash strategy hashes this text. */
export function messageQueueText(queue: MessageQueue): string {
  return `MessageQueue [topic=${queue.topic}, brokerName=${queue.brokerName}, queueId=${queue.queueId}]`
}

/** The queue as a JSON value, its keys in fastjson's order. */
export function messageQueueJson(queue: MessageQueue): FastJson {
  return { brokerName: queue.brokerName, queueId: queue.queueId, topic: queue.topic }
}

/**
 * Reads a queue.
 * @throws MqError badBody when a field is missing or of another type
 */
export function readMessageQueue(fields: JsonFields): MessageQueue {
  return {
    topic: fields.text('topic'),
    brokerName: fields.text('brokerName'),
    queueId: fields.int32('queueId'),
  }
}

/** A table keyed by queues as a JSON value. */
export function messageQueueTableJson<T>(
  table: MessageQueueTable<T>,
  valueJson: (value: T) => FastJson,
): FastJson {
  const json = new Map<FastJson, FastJson>()
  for (const [queue, value] of table) json.set(messageQueueJson(queue), valueJson(value))
  return json
}
