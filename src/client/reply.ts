import { encodeMessage } from '../protocol/message-codec.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { replyTopicOf } from '../protocol/names.ts'
import type { Request } from '../protocol/request.ts'
import { parseTagExpression } from '../protocol/tag-expression.ts'
import { ClientError } from './client-error.ts'
import type { Message } from './message.ts'
import { type MessageExtra, pair } from './prepared-message.ts'
import { type ReceivedMessage, readMessages } from './received-message.ts'

/** What a reply says; where it goes stands in the request. */
export type ReplyMessage = Omit<Message, 'topic' | 'delayLevel' | 'delayMs' | 'deliverAtMs'>

/** Properties of a request that its reply takes over. */
const returned = [PropertyName.REPLY_TO_CLIENT, PropertyName.CORRELATION_ID, PropertyName.TTL] as const

/** Whether the sender of a message waits for a reply. */
export function isRequest(message: ReceivedMessage): boolean {
  return message.properties.has(PropertyName.REPLY_TO_CLIENT)
}

/**
 * What a reply to a request is beside what the program says.
 * @throws ClientError invalidParameter when the sender waits for none
 */
export function replyTo(request: ReceivedMessage): { topic: string; extra: MessageExtra } {
  const { properties } = request
  const cluster = properties.get(PropertyName.CLUSTER)
  if (cluster === undefined || !isRequest(request)) {
    throw new ClientError('invalidParameter', `message ${request.messageId} asks for no reply`)
  }
  let text = pair(PropertyName.MSG_TYPE, 'reply')
  for (const name of returned) {
    const value = properties.get(name)
    if (value !== undefined) text += pair(name, value)
  }
  return { topic: replyTopicOf(cluster), extra: { kind: 'reply', properties: text } }
}

/** The queue of the broker that the request came through: the one that its sender is connected to for sure. */
export function replyQueue(queues: readonly MessageQueue[], request: ReceivedMessage): MessageQueue {
  const { brokerName } = request.queue
  const queue = queues.find((candidate) => candidate.brokerName === brokerName) ?? queues[0]
  if (!queue) throw new ClientError('topicNotExist', `broker ${brokerName} takes no replies`)
  return queue
}

/**
 * A reply as the broker pushes it (PUSH_REPLY_MESSAGE_TO_CLIENT), in the form in which messages are received.
 * @throws MqError invalidParameter when fields are missing
 */
export function readReply(request: Request): ReceivedMessage {
  const queue = { topic: request.text('topic'), brokerName: '', queueId: request.integer('queueId') }
  const host = { ip: '0.0.0.0', port: 0 }
  const record = encodeMessage({
    ...{ topic: queue.topic, queueId: queue.queueId, queueOffset: 0, commitLogOffset: 0 },
    ...{ sysFlag: request.integer('sysFlag'), flag: request.integer('flag') },
    ...{ bornTimestamp: request.integer('bornTimestamp'), bornHost: host, storeHost: host },
    ...{ storeTimestamp: request.integer('storeTimestamp'), preparedTransactionOffset: 0 },
    ...{ reconsumeTimes: 0, body: request.body },
    propertiesBytes: Buffer.from(request.optionalText('properties') ?? ''),
  })
  const [message] = readMessages(record, { at: 0, end: record.length }, queue, parseTagExpression('*'))
  if (!message) throw new ClientError('badBody', 'a reply without a message')
  return message
}
