import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readInteger } from './json-fields.ts'

/** What a group holds of a queue that it pops in order (RocketMQ's ConsumerOrderInfoManager.OrderInfo). */
export interface OrderInfo {
  /** Wall clock. */
  readonly popTimeMs: number
  readonly invisibleMs: number
  /** Queue offsets of the messages, ascending. */
  readonly queueOffsets: readonly number[]
  /** Where it differs: until when a message is out of sight, by queue offset. */
  readonly visibleMs: ReadonlyMap<number, number>
  /** How often a message was delivered before, where it was, by queue offset. */
  readonly consumedCounts: ReadonlyMap<number, number>
  /** Bit i: message i is acknowledged. */
  readonly ackedBits: bigint
  readonly lastConsumeMs: number
  /** The client's word for a pop and its repetitions. */
  readonly attemptId: string | undefined
}

/** By `topic@group` and queue id. */
export type ConsumerOrderTable = ReadonlyMap<string, ReadonlyMap<number, OrderInfo>>

/** consumerOrderInfo.json as a JSON value. */
export function consumerOrderTableJson(table: ConsumerOrderTable): FastJson {
  const keys = new Map<FastJson, FastJson>()
  for (const [key, queues] of table) {
    keys.set(key, new Map(Array.from(queues, ([queueId, info]) => [queueId, orderInfoJson(info)])))
  }
  return { table: keys }
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumerOrderTable(content: Buffer): Map<string, Map<number, OrderInfo>> {
  return JsonFields.ofBody(content, 'consumer order info').table('table', (value, path) =>
    new JsonFields({ queues: value }, path).numberedTable('queues', (info, infoPath) =>
      readOrderInfo(new JsonFields(info, infoPath)),
    ),
  )
}

/** One entry of the table. */
export function encodeOrderInfo(info: OrderInfo): Buffer {
  return fastJsonBytes(orderInfoJson(info))
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeOrderInfo(content: Buffer): OrderInfo {
  return readOrderInfo(JsonFields.ofBody(content, 'order info'))
}

/** The first offset is written as it is, the others as their distance from it. */
function orderInfoJson(info: OrderInfo): FastJson {
  const [first = 0, ...others] = info.queueOffsets
  return {
    a: info.attemptId,
    cm: info.ackedBits,
    i: info.invisibleMs,
    l: info.lastConsumeMs,
    o: [first, ...others.map((offset) => offset - first)],
    oc: info.consumedCounts.size > 0 ? new Map<FastJson, FastJson>(info.consumedCounts) : undefined,
    ot: info.visibleMs.size > 0 ? new Map<FastJson, FastJson>(info.visibleMs) : undefined,
    popTime: info.popTimeMs,
  }
}

function readOrderInfo(fields: JsonFields): OrderInfo {
  const [first = 0, ...diffs] = fields.list('o', readInteger)
  return {
    popTimeMs: fields.integer('popTime', 0),
    invisibleMs: fields.integer('i', 0),
    queueOffsets: [first, ...diffs.map((diff) => first + diff)],
    visibleMs: fields.numberedTable('ot', readInteger),
    consumedCounts: fields.numberedTable('oc', readInteger),
    ackedBits: fields.int64('cm', 0n),
    lastConsumeMs: fields.integer('l', 0),
    attemptId: fields.optionalText('a'),
  }
}
