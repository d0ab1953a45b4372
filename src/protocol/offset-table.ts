import { MqError } from '../base/errors.ts'
import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields, readInteger } from './json-fields.ts'
import {
  type MessageQueue,
  type MessageQueueTable,
  messageQueueTableJson,
  readMessageQueue,
} from './message-queue.ts'

/** Offsets of queues. */
export type OffsetTable = MessageQueueTable<number>

/** Writes the offsets of a reset: what 222 answers, and what 220 tells Java and Go clients. */
export function encodeOffsetTable(table: OffsetTable): Buffer {
  return fastJsonBytes({ offsetTable: messageQueueTableJson(table, offsetJson) })
}

/** The same for C++ clients, which cannot read objects as keys: a list. */
export function encodeOffsetListForCpp(table: OffsetTable): Buffer {
  const list = Array.from(table, ([{ brokerName, queueId, topic }, offset]) => ({
    brokerName,
    offset,
    queueId,
    topic,
  }))
  return fastJsonBytes({ offsetTable: list })
}

/**
 * Reads either form.
 * @throws MqError badBody when a field is missing or of another type
 */
export function decodeOffsetTable(body: Buffer): Map<MessageQueue, number> {
  const fields = JsonFields.ofBody(body, 'offset table')
  if (!Array.isArray(fields.raw('offsetTable'))) return readOffsetTable(fields, 'offsetTable')
  const items = fields.objects(
    'offsetTable',
    (item) => [readMessageQueue(item), item.integer('offset')] as const,
  )
  return new Map(items)
}

/** Writes where one client is: what GET_CONSUMER_STATUS_FROM_CLIENT answers. */
export function encodeConsumerStatus(table: OffsetTable): Buffer {
  return fastJsonBytes({
    consumerTable: new Map(),
    messageQueueTable: messageQueueTableJson(table, offsetJson),
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumerStatus(body: Buffer): Map<MessageQueue, number> {
  return readOffsetTable(
    JsonFields.ofBody(body, 'consumer status', CLIENT_BODY_BYTES_MAX),
    'messageQueueTable',
  )
}

/**
 * Writes where the clients of a group are, by client id: what INVOKE_BROKER_TO_GET_CONSUMER_STATUS answers.
 */
export function encodeConsumerStatusTable(table: ReadonlyMap<string, OffsetTable>): Buffer {
  const consumers = new Map<FastJson, FastJson>()
  for (const [clientId, offsets] of table) consumers.set(clientId, messageQueueTableJson(offsets, offsetJson))
  return fastJsonBytes({ consumerTable: consumers, messageQueueTable: new Map() })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumerStatusTable(body: Buffer): Map<string, Map<MessageQueue, number>> {
  return JsonFields.ofBody(body, 'consumer status table').table('consumerTable', (value, path) =>
    readOffsetTable(new JsonFields({ offsets: value }, path), 'offsets'),
  )
}

/** Writes the smallest offsets of several groups by queue id: what QUERY_CORRECTION_OFFSET answers. */
export function encodeCorrectionOffsets(offsets: ReadonlyMap<number, number | bigint>): Buffer {
  return fastJsonBytes({ correctionOffsets: offsets })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeCorrectionOffsets(body: Buffer): Map<number, number> {
  return JsonFields.ofBody(body, 'correction offsets').numberedTable('correctionOffsets', readOffset)
}

function readOffsetTable(fields: JsonFields, name: string): Map<MessageQueue, number> {
  return fields.keyedTable(name, readMessageQueue, readOffset)
}

/** Java has offsets of -1 for "none"; nothing below means anything. */
function readOffset(value: FastJson, path: string): number {
  const offset = readInteger(value, path)
  if (offset < -1) throw new MqError('badBody', `${path} holds the offset ${offset}`)
  return offset
}

function offsetJson(offset: number): FastJson {
  return offset
}
