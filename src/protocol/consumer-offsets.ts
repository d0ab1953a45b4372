import { type DataVersion, dataVersionJson, readDataVersion } from './data-version.ts'
import type { FastJson } from './fastjson.ts'
import { JsonFields, readInteger } from './json-fields.ts'

/** Offsets of all groups of a broker: consumerOffset.json, and what GET_ALL_CONSUMER_OFFSET answers. */
export interface ConsumerOffsets {
  readonly dataVersion: DataVersion
  /** Offsets by queue id, by `topic@group`. */
  readonly offsetTable: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Topics by group (from 5.3 on). */
  readonly groupTopicMap: ReadonlyMap<string, readonly string[]>
}

/** The offsets as a JSON value; queue ids go without quotes, as in RocketMQ's file. */
export function consumerOffsetsJson(offsets: ConsumerOffsets): FastJson {
  return {
    dataVersion: dataVersionJson(offsets.dataVersion),
    groupTopicMap: offsets.groupTopicMap,
    offsetTable: offsets.offsetTable,
  }
}

/** @throws MqError badBody when a field is of another type */
export function decodeConsumerOffsets(body: Buffer): ConsumerOffsets {
  const fields = JsonFields.ofBody(body, 'consumer offsets')
  return {
    dataVersion: readDataVersion(fields.optionalObject('dataVersion')),
    offsetTable: fields.table('offsetTable', (value, path) =>
      new JsonFields({ queues: value }, path).numberedTable('queues', readInteger),
    ),
    groupTopicMap: fields.table('groupTopicMap', (value, path) =>
      new JsonFields({ topics: value }, path).texts('topics'),
    ),
  }
}

/** How far each delay level is: delayOffset.json, and what GET_ALL_DELAY_OFFSET answers. */
export interface DelayOffsets {
  readonly dataVersion: DataVersion
  /** Next index in the level's queue, by level from 1. */
  readonly offsetTable: ReadonlyMap<number, number>
}

/** The offsets as a JSON value; levels go without quotes, as in RocketMQ's file. */
export function delayOffsetsJson(offsets: DelayOffsets): FastJson {
  return { dataVersion: dataVersionJson(offsets.dataVersion), offsetTable: offsets.offsetTable }
}

/** @throws MqError badBody when a field is of another type */
export function decodeDelayOffsets(body: Buffer): DelayOffsets {
  const fields = JsonFields.ofBody(body, 'delay offsets')
  return {
    dataVersion: readDataVersion(fields.optionalObject('dataVersion')),
    offsetTable: fields.numberedTable('offsetTable', readInteger),
  }
}
