import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readText } from './json-fields.ts'
import { type MessageQueueTable, messageQueueTableJson, readMessageQueue } from './message-queue.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

const processQueueNumbers = [
  'cachedMsgCount',
  'cachedMsgMaxOffset',
  'cachedMsgMinOffset',
  'cachedMsgSizeInMiB',
  'commitOffset',
  'lastConsumeTimestamp',
  'lastLockTimestamp',
  'lastPullTimestamp',
  'transactionMsgCount',
  'transactionMsgMaxOffset',
  'transactionMsgMinOffset',
  'tryUnlockTimes',
] as const

const consumeStatusNumbers = [
  'consumeFailedMsgs',
  'consumeFailedTPS',
  'consumeOKTPS',
  'consumeRT',
  'pullRT',
  'pullTPS',
] as const

/** What a client holds of one queue it consumes; offsets, counts and milliseconds since 1970. */
export type ProcessQueueInfo = { readonly [Name in (typeof processQueueNumbers)[number]]: number } & {
  /** RocketMQ's spelling. */
  readonly droped: boolean
  readonly locked: boolean
}

/** What a client holds of one queue it pops. */
export interface PopProcessQueueInfo {
  readonly droped: boolean
  readonly lastPopTimestamp: number
  readonly waitAckCount: number
}

/** How consuming one topic goes: messages in a second and milliseconds a message. */
export type ConsumeStatus = { readonly [Name in (typeof consumeStatusNumbers)[number]]: number }

/** The inside of a consumer: the body of GET_CONSUMER_RUNNING_INFO's answer. */
export interface ConsumerRunningInfo {
  /**
   * Its settings; tools read PROP_CONSUME_TYPE, PROP_CLIENT_VERSION, PROP_CONSUMER_START_TIMESTAMP,
   * PROP_CONSUMEORDERLY.
   */
  readonly properties: ReadonlyMap<string, string>
  readonly subscriptionSet: readonly SubscriptionData[]
  readonly mqTable: MessageQueueTable<ProcessQueueInfo>
  readonly mqPopTable: MessageQueueTable<PopProcessQueueInfo>
  /** By topic. */
  readonly statusTable: ReadonlyMap<string, ConsumeStatus>
  readonly userConsumerInfo: ReadonlyMap<string, string>
  /** Stacks of all threads, when they were asked for. */
  readonly jstack?: string
}

/** Writes the answer of GET_CONSUMER_RUNNING_INFO. */
export function encodeConsumerRunningInfo(info: ConsumerRunningInfo): Buffer {
  return fastJsonBytes({
    jstack: info.jstack,
    mqPopTable: messageQueueTableJson(info.mqPopTable, asJson),
    mqTable: messageQueueTableJson(info.mqTable, asJson),
    properties: info.properties,
    statusTable: info.statusTable as ReadonlyMap<string, FastJson>,
    subscriptionSet: info.subscriptionSet.map(subscriptionDataJson),
    userConsumerInfo: info.userConsumerInfo,
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumerRunningInfo(body: Buffer): ConsumerRunningInfo {
  const fields = JsonFields.ofBody(body, 'consumer running info')
  const jstack = fields.optionalText('jstack')
  return {
    properties: fields.table('properties', readText),
    subscriptionSet: fields.objects('subscriptionSet', readSubscriptionData),
    mqTable: fields.keyedTable('mqTable', readMessageQueue, readProcessQueueInfo),
    mqPopTable: fields.keyedTable('mqPopTable', readMessageQueue, readPopProcessQueueInfo),
    statusTable: fields.table('statusTable', readConsumeStatus),
    userConsumerInfo: fields.table('userConsumerInfo', readText),
    ...(jstack === undefined ? {} : { jstack }),
  }
}

function asJson(value: ProcessQueueInfo | PopProcessQueueInfo): FastJson {
  return { ...value }
}

function readProcessQueueInfo(value: FastJson, path: string): ProcessQueueInfo {
  const fields = new JsonFields(value, path)
  return {
    ...numbersOf(fields, processQueueNumbers),
    droped: fields.flag('droped', false),
    locked: fields.flag('locked', false),
  }
}

function readPopProcessQueueInfo(value: FastJson, path: string): PopProcessQueueInfo {
  const fields = new JsonFields(value, path)
  return {
    droped: fields.flag('droped', false),
    lastPopTimestamp: fields.integer('lastPopTimestamp', 0),
    waitAckCount: fields.integer('waitAckCount', 0),
  }
}

function readConsumeStatus(value: FastJson, path: string): ConsumeStatus {
  return numbersOf(new JsonFields(value, path), consumeStatusNumbers)
}

function numbersOf<Name extends string>(fields: JsonFields, names: readonly Name[]): { [N in Name]: number } {
  return Object.fromEntries(names.map((name) => [name, fields.number(name, 0)])) as { [N in Name]: number }
}
