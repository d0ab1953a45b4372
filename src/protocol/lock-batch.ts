import { fastJsonBytes } from './fastjson-writer.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields } from './json-fields.ts'
import { type MessageQueue, messageQueueJson, readMessageQueue } from './message-queue.ts'

/** Queues a client wants to have alone, or gives back: the body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export interface LockBatch {
  readonly consumerGroup: string
  readonly clientId: string
  /** Set between brokers, so that a broker does not pass the request on again. */
  readonly onlyThisBroker: boolean
  readonly queues: readonly MessageQueue[]
}

/** Writes the body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export function encodeLockBatch({ consumerGroup, clientId, onlyThisBroker, queues }: LockBatch): Buffer {
  return fastJsonBytes({ clientId, consumerGroup, mqSet: queues.map(messageQueueJson), onlyThisBroker })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeLockBatch(body: Buffer): LockBatch {
  const fields = JsonFields.ofBody(body, 'lock batch', CLIENT_BODY_BYTES_MAX)
  return {
    consumerGroup: fields.text('consumerGroup'),
    clientId: fields.text('clientId'),
    onlyThisBroker: fields.flag('onlyThisBroker', false),
    queues: fields.objects('mqSet', readMessageQueue),
  }
}

/** Writes the queues that are locked now: the body of LOCK_BATCH_MQ's answer. */
export function encodeLockedQueues(queues: readonly MessageQueue[]): Buffer {
  return fastJsonBytes({ lockOKMQSet: queues.map(messageQueueJson) })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeLockedQueues(body: Buffer): MessageQueue[] {
  return JsonFields.ofBody(body, 'locked queues').objects('lockOKMQSet', readMessageQueue)
}
