import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

/** One entry of a ConsumeQueue, as tools see it. */
export interface ConsumeQueueData {
  readonly physicOffset: number
  readonly physicSize: number
  /** Any int64: a hash, or a time for delayed messages. */
  readonly tagsCode: bigint
  readonly extendDataJson?: string
  readonly bitMap?: string
  /** Whether the group's filter lets the message pass. */
  readonly eval: boolean
  readonly msg?: string
}

/** A range of a ConsumeQueue: the body of QUERY_CONSUME_QUEUE's answer. */
export interface ConsumeQueueRange {
  readonly queueData: readonly ConsumeQueueData[]
  readonly minQueueIndex: number
  readonly maxQueueIndex: number
  /** What the group asked about subscribes to. */
  readonly subscriptionData?: SubscriptionData
  readonly filterData?: string
}

/** Writes the answer of QUERY_CONSUME_QUEUE. */
export function encodeConsumeQueueRange(range: ConsumeQueueRange): Buffer {
  const { filterData, maxQueueIndex, minQueueIndex, queueData, subscriptionData } = range
  return fastJsonBytes({
    filterData,
    maxQueueIndex,
    minQueueIndex,
    queueData: queueData.map(consumeQueueDataJson),
    subscriptionData: subscriptionData && subscriptionDataJson(subscriptionData),
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumeQueueRange(body: Buffer): ConsumeQueueRange {
  const fields = JsonFields.ofBody(body, 'consume queue')
  const subscription = fields.optionalObject('subscriptionData')
  const filterData = fields.optionalText('filterData')
  return {
    queueData: fields.objects('queueData', readConsumeQueueData),
    minQueueIndex: fields.integer('minQueueIndex', 0),
    maxQueueIndex: fields.integer('maxQueueIndex', 0),
    ...(subscription === undefined ? {} : { subscriptionData: readSubscriptionData(subscription) }),
    ...(filterData === undefined ? {} : { filterData }),
  }
}

function consumeQueueDataJson(entry: ConsumeQueueData): FastJson {
  const { bitMap, extendDataJson, msg, physicOffset, physicSize, tagsCode } = entry
  return { bitMap, eval: entry.eval, extendDataJson, msg, physicOffset, physicSize, tagsCode }
}

function readConsumeQueueData(fields: JsonFields): ConsumeQueueData {
  const extendDataJson = fields.optionalText('extendDataJson')
  const bitMap = fields.optionalText('bitMap')
  const msg = fields.optionalText('msg')
  return {
    physicOffset: fields.integer('physicOffset'),
    physicSize: fields.int32('physicSize'),
    tagsCode: fields.int64('tagsCode', 0n),
    eval: fields.flag('eval', false),
    ...(extendDataJson === undefined ? {} : { extendDataJson }),
    ...(bitMap === undefined ? {} : { bitMap }),
    ...(msg === undefined ? {} : { msg }),
  }
}
