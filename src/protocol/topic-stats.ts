import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import { type MessageQueueTable, messageQueueTableJson, readMessageQueue } from './message-queue.ts'

/** How far a queue reaches. */
export interface TopicOffset {
  readonly minOffset: number
  readonly maxOffset: number
  /** Store time of its last message, milliseconds since 1970; 0 for an empty queue. */
  readonly lastUpdateTimestamp: number
}

/** The queues of a topic on one broker: the body of GET_TOPIC_STATS_INFO's answer. */
export interface TopicStats {
  readonly offsetTable: MessageQueueTable<TopicOffset>
  /** Messages put in a second. */
  readonly topicPutTps: number
}

/** Writes the answer of GET_TOPIC_STATS_INFO. */
export function encodeTopicStats({ offsetTable, topicPutTps }: TopicStats): Buffer {
  return fastJsonBytes({ offsetTable: messageQueueTableJson(offsetTable, topicOffsetJson), topicPutTps })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeTopicStats(body: Buffer): TopicStats {
  const fields = JsonFields.ofBody(body, 'topic stats')
  return {
    offsetTable: fields.keyedTable('offsetTable', readMessageQueue, (value, path) =>
      readTopicOffset(new JsonFields(value, path)),
    ),
    topicPutTps: fields.number('topicPutTps', 0),
  }
}

function topicOffsetJson({ lastUpdateTimestamp, maxOffset, minOffset }: TopicOffset): FastJson {
  return { lastUpdateTimestamp, maxOffset, minOffset }
}

function readTopicOffset(fields: JsonFields): TopicOffset {
  return {
    minOffset: fields.integer('minOffset', 0),
    maxOffset: fields.integer('maxOffset', 0),
    lastUpdateTimestamp: fields.integer('lastUpdateTimestamp', 0),
  }
}
