import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields } from './json-fields.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

/** How a group consumes: pulling by itself, pushed to (which is pulling inside the client), or popping. */
export const consumeTypes = ['CONSUME_ACTIVELY', 'CONSUME_PASSIVELY', 'CONSUME_POP'] as const
export type ConsumeType = (typeof consumeTypes)[number]

/** Whether the clients of a group share the queues or each takes all. */
export const messageModels = ['BROADCASTING', 'CLUSTERING'] as const
export type MessageModel = (typeof messageModels)[number]

/**
 * Where a group begins that has no offset yet. The second to the fourth are names that RocketMQ has given up;
 * its clients take them for the first.
 */
export const consumeFromWheres = [
  'CONSUME_FROM_LAST_OFFSET',
  'CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST',
  'CONSUME_FROM_MIN_OFFSET',
  'CONSUME_FROM_MAX_OFFSET',
  'CONSUME_FROM_FIRST_OFFSET',
  'CONSUME_FROM_TIMESTAMP',
] as const
export type ConsumeFromWhere = (typeof consumeFromWheres)[number]

/** One consumer group of a client. */
export interface ConsumerData {
  readonly groupName: string
  readonly consumeType: ConsumeType
  readonly messageModel: MessageModel
  readonly consumeFromWhere: ConsumeFromWhere
  readonly unitMode: boolean
  readonly subscriptionDataSet: readonly SubscriptionData[]
}

/** What a client says of itself every 30 seconds: the body of HEART_BEAT. */
export interface HeartbeatData {
  readonly clientID: string
  /** Groups this client produces for. */
  readonly producerGroups: readonly string[]
  readonly consumers: readonly ConsumerData[]
  /** Not 0 when the client speaks heartbeat V2: a hash of what it would say in full. */
  readonly heartbeatFingerprint: number
  /** V2: the subscriptions are left out because they have not changed. */
  readonly withoutSub: boolean
}

/** Writes the body of HEART_BEAT. */
export function encodeHeartbeatData(heartbeat: HeartbeatData): Buffer {
  return fastJsonBytes({
    clientID: heartbeat.clientID,
    consumerDataSet: heartbeat.consumers.map(consumerDataJson),
    heartbeatFingerprint: heartbeat.heartbeatFingerprint,
    producerDataSet: heartbeat.producerGroups.map((groupName) => ({ groupName })),
    withoutSub: heartbeat.withoutSub,
  })
}

/**
 * Reads the body of HEART_BEAT.
 * @throws MqError badBody when a field is missing or of another type
 */
export function decodeHeartbeatData(body: Buffer): HeartbeatData {
  const fields = JsonFields.ofBody(body, 'heartbeat', CLIENT_BODY_BYTES_MAX)
  return {
    clientID: fields.text('clientID'),
    producerGroups: fields.objects('producerDataSet', (producer) => producer.text('groupName')),
    consumers: fields.objects('consumerDataSet', readConsumerData),
    heartbeatFingerprint: fields.int32('heartbeatFingerprint', 0),
    withoutSub: fields.flag('withoutSub', false),
  }
}

function consumerDataJson(consumer: ConsumerData): FastJson {
  return {
    consumeFromWhere: consumer.consumeFromWhere,
    consumeType: consumer.consumeType,
    groupName: consumer.groupName,
    messageModel: consumer.messageModel,
    subscriptionDataSet: consumer.subscriptionDataSet.map(subscriptionDataJson),
    unitMode: consumer.unitMode,
  }
}

function readConsumerData(fields: JsonFields): ConsumerData {
  return {
    groupName: fields.text('groupName'),
    consumeType: fields.word('consumeType', consumeTypes, 'CONSUME_PASSIVELY'),
    messageModel: fields.word('messageModel', messageModels, 'CLUSTERING'),
    consumeFromWhere: fields.word('consumeFromWhere', consumeFromWheres, 'CONSUME_FROM_LAST_OFFSET'),
    unitMode: fields.flag('unitMode', false),
    subscriptionDataSet: fields.objects('subscriptionDataSet', readSubscriptionData),
  }
}
