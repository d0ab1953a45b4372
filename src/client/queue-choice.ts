import { javaHashCode } from '../protocol/java-hash.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { ClientError } from './client-error.ts'
import type { Message } from './message.ts'

/** Chooses a queue among those of the topic that take messages, sorted by broker and id. */
export type QueueSelector = (queues: readonly MessageQueue[], message: Message) => MessageQueue

/** Where a message goes, when that is not left to the client. Messages of one queue keep their order. */
export interface QueueChoice {
  /** Messages with equal keys go to the same queue, the one that Java's SelectMessageQueueByHash takes. */
  readonly hashKey?: string
  /** The queue at this place of the topic's queues, modulo their number. */
  readonly queueIndex?: number
  /** This very queue. */
  readonly queue?: MessageQueue
  /** The program's own rule. */
  readonly select?: QueueSelector
}

/**
 * The selector for a choice; undefined where the client chooses by itself.
 * @throws ClientError invalidParameter when more than one way is given
 */
export function selectorOf(choice: QueueChoice): QueueSelector | undefined {
  const { hashKey, queueIndex, queue, select } = choice
  if (hashKey === undefined && queueIndex === undefined && queue === undefined) return select
  if ([hashKey, queueIndex, queue, select].filter((way) => way !== undefined).length > 1) {
    throw new ClientError('invalidParameter', 'a queue is chosen in more than one way')
  }
  if (queue !== undefined) return () => queue
  if (hashKey !== undefined) {
    const hash = javaHashCode(hashKey)
    return (queues) => at(queues, Math.abs(hash % queues.length))
  }
  const index = queueIndex ?? 0
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new ClientError('invalidParameter', `queueIndex wants a whole number, not ${index}`)
  }
  return (queues) => at(queues, index % queues.length)
}

function at(queues: readonly MessageQueue[], index: number): MessageQueue {
  const queue = queues[index]
  if (!queue) throw new ClientError('topicNotExist', 'the topic has no queue that takes messages')
  return queue
}
