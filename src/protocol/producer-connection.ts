import {
  type ClientConnection,
  clientConnectionJson,
  readClientConnection,
  readLanguage,
} from './client-connection.ts'
import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import type { LanguageName } from './language.ts'

/** Writes who produces for a group: the answer of GET_PRODUCER_CONNECTION_LIST. */
export function encodeProducerConnection(connections: readonly ClientConnection[]): Buffer {
  return fastJsonBytes({ connectionSet: connections.map(clientConnectionJson) })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeProducerConnection(body: Buffer): ClientConnection[] {
  return JsonFields.ofBody(body, 'producer connection').objects('connectionSet', readClientConnection)
}

/** One producer of GET_ALL_PRODUCER_INFO's answer. */
export interface ProducerInfo {
  readonly clientId: string
  readonly remoteIP: string
  readonly language: LanguageName
  /** Ordinal of its release. */
  readonly version: number
  /** When it was last heard of, milliseconds since 1970. */
  readonly lastUpdateTimestamp: number
}

/** Writes all producers by group: the answer of GET_ALL_PRODUCER_INFO. */
export function encodeProducerTable(table: ReadonlyMap<string, readonly ProducerInfo[]>): Buffer {
  const data = new Map<FastJson, FastJson>()
  for (const [group, producers] of table) data.set(group, producers.map(producerInfoJson))
  return fastJsonBytes({ data })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeProducerTable(body: Buffer): Map<string, ProducerInfo[]> {
  return JsonFields.ofBody(body, 'producer table').table('data', (value, path) =>
    new JsonFields({ producers: value }, path).objects('producers', readProducerInfo),
  )
}

function producerInfoJson(producer: ProducerInfo): FastJson {
  const { clientId, language, lastUpdateTimestamp, remoteIP, version } = producer
  return { clientId, language, lastUpdateTimestamp, remoteIP, version }
}

function readProducerInfo(fields: JsonFields): ProducerInfo {
  return {
    clientId: fields.text('clientId'),
    remoteIP: fields.text('remoteIP', ''),
    language: readLanguage(fields),
    version: fields.int32('version', 0),
    lastUpdateTimestamp: fields.integer('lastUpdateTimestamp', 0),
  }
}
