import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { type MessageModel, messageModels } from './heartbeat-data.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields, readText } from './json-fields.ts'
import { type MessageQueue, messageQueueJson, readMessageQueue } from './message-queue.ts'
import { type MessageRequestMode, messageRequestModes } from './message-request-mode.ts'

/** Asks the broker which queues a client shall consume: the body of QUERY_ASSIGNMENT. */
export interface AssignmentQuery {
  readonly topic: string
  readonly consumerGroup: string
  readonly clientId: string
  /** A name of `allocateStrategies`. */
  readonly strategyName: string
  readonly messageModel: MessageModel
}

/** One queue a client shall consume; the queue id is -1 when it pops from all of the broker's queues. */
export interface MessageQueueAssignment {
  readonly messageQueue: MessageQueue
  readonly mode: MessageRequestMode
  readonly attachments?: ReadonlyMap<string, string>
}

/** Writes the body of QUERY_ASSIGNMENT. */
export function encodeAssignmentQuery(query: AssignmentQuery): Buffer {
  const { clientId, consumerGroup, messageModel, strategyName, topic } = query
  return fastJsonBytes({ clientId, consumerGroup, messageModel, strategyName, topic })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeAssignmentQuery(body: Buffer): AssignmentQuery {
  const fields = JsonFields.ofBody(body, 'assignment query', CLIENT_BODY_BYTES_MAX)
  return {
    topic: fields.text('topic'),
    consumerGroup: fields.text('consumerGroup'),
    clientId: fields.text('clientId'),
    strategyName: fields.text('strategyName', 'AVG'),
    messageModel: fields.word('messageModel', messageModels, 'CLUSTERING'),
  }
}

/** Writes the answer of QUERY_ASSIGNMENT; undefined leaves the client with what it has. */
export function encodeAssignments(assignments: readonly MessageQueueAssignment[] | undefined): Buffer {
  return fastJsonBytes({ messageQueueAssignments: assignments?.map(assignmentJson) })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeAssignments(body: Buffer): MessageQueueAssignment[] {
  return JsonFields.ofBody(body, 'assignments').objects('messageQueueAssignments', readAssignment)
}

function assignmentJson({ attachments, messageQueue, mode }: MessageQueueAssignment): FastJson {
  return { attachments, messageQueue: messageQueueJson(messageQueue), mode }
}

function readAssignment(fields: JsonFields): MessageQueueAssignment {
  const attachments = fields.table('attachments', readText)
  return {
    messageQueue: readMessageQueue(fields.object('messageQueue')),
    mode: fields.word('mode', messageRequestModes, 'PULL'),
    ...(fields.has('attachments') ? { attachments } : {}),
  }
}
