import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import { type MessageQueue, messageQueueJson, readMessageQueue } from './message-queue.ts'

/** How old a queue's messages are and where a group stands; milliseconds since 1970. */
export interface QueueTimeSpan {
  readonly messageQueue: MessageQueue
  readonly minTimeStamp: number
  readonly maxTimeStamp: number
  /** Store time of the last message consumed. */
  readonly consumeTimeStamp: number
  /** Milliseconds the group is behind. */
  readonly delayTime: number
}

/** Writes the answer of QUERY_CONSUME_TIME_SPAN. */
export function encodeConsumeTimeSpans(spans: readonly QueueTimeSpan[]): Buffer {
  return fastJsonBytes({ consumeTimeSpanSet: spans.map(spanJson) })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumeTimeSpans(body: Buffer): QueueTimeSpan[] {
  return JsonFields.ofBody(body, 'consume time spans').objects('consumeTimeSpanSet', readSpan)
}

function spanJson(span: QueueTimeSpan): FastJson {
  const { consumeTimeStamp, delayTime, maxTimeStamp, messageQueue, minTimeStamp } = span
  return {
    consumeTimeStamp,
    delayTime,
    maxTimeStamp,
    messageQueue: messageQueueJson(messageQueue),
    minTimeStamp,
  }
}

function readSpan(fields: JsonFields): QueueTimeSpan {
  return {
    messageQueue: readMessageQueue(fields.object('messageQueue')),
    minTimeStamp: fields.integer('minTimeStamp', 0),
    maxTimeStamp: fields.integer('maxTimeStamp', 0),
    consumeTimeStamp: fields.integer('consumeTimeStamp', 0),
    delayTime: fields.integer('delayTime', 0),
  }
}
