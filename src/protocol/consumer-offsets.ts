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

/** Offsets that an admin has set and the group has not been told yet, by `topic@group` and queue. */
export type PendingResets = ReadonlyMap<string, ReadonlyMap<number, number>>

/**
 * The offsets as a JSON value; queue ids go without quotes, as in RocketMQ's file.
 * @param resets only in our own file: RocketMQ does not keep them through a restart, and passes over the field
 */
export function consumerOffsetsJson(offsets: ConsumerOffsets, resets?: PendingResets): FastJson {
  return {
    ...(resets && resets.size > 0 && { resetOffsetTable: resets }),
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
    offsetTable: fields.table('offsetTable', readQueueOffsets),
    groupTopicMap: fields.table('groupTopicMap', (value, path) =>
      new JsonFields({ topics: value }, path).texts('topics'),
    ),
  }
}

/** The resets of `consumerOffsetsJson`; none in a file of RocketMQ's. @throws MqError badBody */
export function decodePendingResets(body: Buffer): Map<string, Map<number, number>> {
  return JsonFields.ofBody(body, 'consumer offsets').table('resetOffsetTable', readQueueOffsets)
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

function readQueueOffsets(value: FastJson, path: string): Map<number, number> {
  return new JsonFields({ queues: value }, path).numberedTable('queues', readInteger)
}
