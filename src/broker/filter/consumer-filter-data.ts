import type { FastJson } from '../../protocol/fastjson.ts'
import { prettyFastJson } from '../../protocol/fastjson-writer.ts'
import { JsonFields, readInteger } from '../../protocol/json-fields.ts'
import { ExpressionType } from '../../protocol/subscription-data.ts'
import { type BloomFilterData, bloomFilterData } from './bloom-filter.ts'

/** What a group wants of a topic by an expression other than tags. */
export interface ConsumerFilterData {
  readonly topic: string
  readonly consumerGroup: string
  readonly expression: string
  readonly expressionType: string
  /** The subVersion of the newest subscription that had this expression. */
  readonly clientVersion: bigint
  /** When the expression came, milliseconds since 1970. */
  readonly bornMs: number
  /** Since when nobody of the group has asked for it; 0 while somebody does. */
  readonly deadMs: number
  readonly bloomFilterData: BloomFilterData
}

/** Whether nobody of the group asks for it any more. */
export function isDead({ bornMs, deadMs }: ConsumerFilterData): boolean {
  return deadMs >= bornMs
}

/** One filter as a JSON value, its keys in fastjson's order. */
export function consumerFilterJson(data: ConsumerFilterData): FastJson {
  return {
    bloomFilterData: { bitNum: data.bloomFilterData.bitNum, bitPos: data.bloomFilterData.bitPos },
    bornTime: data.bornMs,
    clientVersion: data.clientVersion,
    consumerGroup: data.consumerGroup,
    dead: isDead(data),
    deadTime: data.deadMs,
    expression: data.expression,
    expressionType: data.expressionType,
    topic: data.topic,
  }
}

/** @throws MqError badBody when a field is missing or of another type */
export function readConsumerFilter(fields: JsonFields): ConsumerFilterData {
  const topic = fields.text('topic')
  const consumerGroup = fields.text('consumerGroup')
  const bloom = fields.optionalObject('bloomFilterData')
  return {
    topic,
    consumerGroup,
    expression: fields.text('expression'),
    expressionType: fields.text('expressionType', ExpressionType.SQL92),
    clientVersion: fields.int64('clientVersion', 0n),
    bornMs: fields.integer('bornTime', 0),
    deadMs: fields.integer('deadTime', 0),
    bloomFilterData: bloom
      ? { bitNum: bloom.int32('bitNum', 0), bitPos: bloom.list('bitPos', readInteger) }
      : bloomFilterData(consumerGroup, topic),
  }
}

/** Writes consumerFilter.json. */
export function encodeConsumerFilters(filters: Iterable<ConsumerFilterData>): Buffer {
  const byTopic = new Map<string, Map<string, FastJson>>()
  for (const data of filters) {
    const groups = byTopic.get(data.topic) ?? new Map<string, FastJson>()
    byTopic.set(data.topic, groups.set(data.consumerGroup, consumerFilterJson(data)))
  }
  const filterDataByTopic = new Map<string, FastJson>()
  for (const [topic, groupFilterData] of byTopic) filterDataByTopic.set(topic, { groupFilterData, topic })
  return Buffer.from(prettyFastJson({ filterDataByTopic }))
}

/**
 * Reads consumerFilter.json.
 * @throws MqError badBody when a field is missing or of another type
 */
export function decodeConsumerFilters(content: Buffer): ConsumerFilterData[] {
  const topics = JsonFields.ofBody(content, 'consumer filters').table('filterDataByTopic', (value, path) => [
    ...new JsonFields(value, path)
      .table('groupFilterData', (data, dataPath) => readConsumerFilter(new JsonFields(data, dataPath)))
      .values(),
  ])
  return [...topics.values()].flat()
}
