import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readText } from './json-fields.ts'

/** Names with values: the body of the answers to runtime info, KV lists and REGISTER_BROKER. */
export function encodeKvTable(table: ReadonlyMap<string, string>): Buffer {
  return fastJsonBytes({ table })
}

/** @throws MqError badBody when it is no such table */
export function decodeKvTable(body: Buffer): Map<string, string> {
  return JsonFields.ofBody(body, 'KV table').table('table', readText)
}
