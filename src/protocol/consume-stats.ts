import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import { type MessageQueueTable, messageQueueTableJson, readMessageQueue } from './message-queue.ts'

/** How far a group is in a queue. */
export interface OffsetWrapper {
  /** End of the queue. */
  readonly brokerOffset: number
  /** What the group has committed. */
  readonly consumerOffset: number
  /** What it has pulled. */
  readonly pullOffset: number
  /** Store time of the last message consumed, milliseconds since 1970; 0 when unknown. */
  readonly lastTimestamp: number
}

/** How far a group is: the body of GET_CONSUME_STATS's answer. */
export interface ConsumeStats {
  readonly offsetTable: MessageQueueTable<OffsetWrapper>
  /** Messages consumed in a second. */
  readonly consumeTps: number
}

/** Writes the answer of GET_CONSUME_STATS. */
export function encodeConsumeStats(stats: ConsumeStats): Buffer {
  return fastJsonBytes(consumeStatsJson(stats))
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumeStats(body: Buffer): ConsumeStats {
  return readConsumeStats(JsonFields.ofBody(body, 'consume stats'))
}

/** How far all groups of a broker are: the body of GET_BROKER_CONSUME_STATS's answer. */
export interface BrokerConsumeStats {
  readonly brokerAddr: string
  /** Messages not consumed yet, over all groups. */
  readonly totalDiff: number
  readonly totalInflightDiff: number
  /** One of a topic each, by group. */
  readonly consumeStats: ReadonlyMap<string, readonly ConsumeStats[]>
}

/** Writes the answer of GET_BROKER_CONSUME_STATS: a list of objects with one group each. */
export function encodeBrokerConsumeStats(stats: BrokerConsumeStats): Buffer {
  const { brokerAddr, totalDiff, totalInflightDiff } = stats
  const list = Array.from(stats.consumeStats, ([group, ofTopics]) => {
    return new Map<FastJson, FastJson>([[group, ofTopics.map(consumeStatsJson)]])
  })
  return fastJsonBytes({ brokerAddr, consumeStatsList: list, totalDiff, totalInflightDiff })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeBrokerConsumeStats(body: Buffer): BrokerConsumeStats {
  const fields = JsonFields.ofBody(body, 'broker consume stats')
  const consumeStats = new Map<string, ConsumeStats[]>()
  fields.list('consumeStatsList', (item, path) => {
    const groups = new JsonFields({ groups: item }, path).table('groups', readConsumeStatsList)
    for (const [group, stats] of groups) consumeStats.set(group, stats)
  })
  return {
    brokerAddr: fields.text('brokerAddr', ''),
    totalDiff: fields.integer('totalDiff', 0),
    totalInflightDiff: fields.integer('totalInflightDiff', 0),
    consumeStats,
  }
}

function consumeStatsJson({ consumeTps, offsetTable }: ConsumeStats): FastJson {
  return { consumeTps, offsetTable: messageQueueTableJson(offsetTable, offsetWrapperJson) }
}

function readConsumeStats(fields: JsonFields): ConsumeStats {
  return {
    offsetTable: fields.keyedTable('offsetTable', readMessageQueue, (value, path) =>
      readOffsetWrapper(new JsonFields(value, path)),
    ),
    consumeTps: fields.number('consumeTps', 0),
  }
}

function readConsumeStatsList(value: FastJson, path: string): ConsumeStats[] {
  return new JsonFields({ list: value }, path).objects('list', readConsumeStats)
}

function offsetWrapperJson({
  brokerOffset,
  consumerOffset,
  lastTimestamp,
  pullOffset,
}: OffsetWrapper): FastJson {
  return { brokerOffset, consumerOffset, lastTimestamp, pullOffset }
}

function readOffsetWrapper(fields: JsonFields): OffsetWrapper {
  return {
    brokerOffset: fields.integer('brokerOffset', 0),
    consumerOffset: fields.integer('consumerOffset', 0),
    pullOffset: fields.integer('pullOffset', 0),
    lastTimestamp: fields.integer('lastTimestamp', 0),
  }
}
