import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/**
 * The state of a table (topics, groups): it changes with every change of the table, and whoever holds a copy
 * compares all three. All are integers; `timestamp` is milliseconds since 1970.
 */
export interface DataVersion {
  readonly counter: number
  readonly stateVersion: number
  readonly timestamp: number
}

/** The version of a table nobody has changed yet. */
export const DATA_VERSION_ZERO: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 }

/** The version after a change at `nowMs`. */
export function nextDataVersion(version: DataVersion, nowMs: number): DataVersion {
  return { counter: version.counter + 1, stateVersion: version.stateVersion, timestamp: nowMs }
}

/** Whether two versions are of the same state. */
export function isSameVersion(left: DataVersion, right: DataVersion): boolean {
  return (
    left.counter === right.counter &&
    left.stateVersion === right.stateVersion &&
    left.timestamp === right.timestamp
  )
}

/** The version as a JSON value, its keys in fastjson's order. */
export function dataVersionJson(version: DataVersion): FastJson {
  return { counter: version.counter, stateVersion: version.stateVersion, timestamp: version.timestamp }
}

/**
 * Reads a version; what is absent is 0.
 * @throws MqError badBody when a field is of another type
 */
export function readDataVersion(fields: JsonFields | undefined): DataVersion {
  if (fields === undefined) return DATA_VERSION_ZERO
  return {
    counter: fields.integer('counter', 0),
    stateVersion: fields.integer('stateVersion', 0),
    timestamp: fields.integer('timestamp', 0),
  }
}

/** Writes the body of QUERY_DATA_VERSION and of its answer. */
export function encodeDataVersion(version: DataVersion): Buffer {
  return fastJsonBytes(dataVersionJson(version))
}

/** @throws MqError badBody when a field is of another type */
export function decodeDataVersion(body: Buffer): DataVersion {
  return readDataVersion(JsonFields.ofBody(body, 'data version'))
}
