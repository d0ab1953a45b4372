import { type ClientConnection, clientConnectionJson, readClientConnection } from './client-connection.ts'
import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import {
  type ConsumeFromWhere,
  type ConsumeType,
  consumeFromWheres,
  consumeTypes,
  type MessageModel,
  messageModels,
} from './heartbeat-data.ts'
import { JsonFields } from './json-fields.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

/** Who consumes for a group and what: the body of GET_CONSUMER_CONNECTION_LIST's answer. */
export interface ConsumerConnection {
  readonly connections: readonly ClientConnection[]
  /** By topic. */
  readonly subscriptionTable: ReadonlyMap<string, SubscriptionData>
  readonly consumeType: ConsumeType
  readonly messageModel: MessageModel
  readonly consumeFromWhere: ConsumeFromWhere
}

/** Writes the answer of GET_CONSUMER_CONNECTION_LIST. */
export function encodeConsumerConnection(consumers: ConsumerConnection): Buffer {
  const subscriptions = new Map<FastJson, FastJson>()
  for (const [topic, subscription] of consumers.subscriptionTable) {
    subscriptions.set(topic, subscriptionDataJson(subscription))
  }
  return fastJsonBytes({
    connectionSet: consumers.connections.map(clientConnectionJson),
    consumeFromWhere: consumers.consumeFromWhere,
    consumeType: consumers.consumeType,
    messageModel: consumers.messageModel,
    subscriptionTable: subscriptions,
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumerConnection(body: Buffer): ConsumerConnection {
  const fields = JsonFields.ofBody(body, 'consumer connection')
  return {
    connections: fields.objects('connectionSet', readClientConnection),
    subscriptionTable: fields.table('subscriptionTable', (value, path) =>
      readSubscriptionData(new JsonFields(value, path)),
    ),
    consumeType: fields.word('consumeType', consumeTypes, 'CONSUME_PASSIVELY'),
    messageModel: fields.word('messageModel', messageModels, 'CLUSTERING'),
    consumeFromWhere: fields.word('consumeFromWhere', consumeFromWheres, 'CONSUME_FROM_LAST_OFFSET'),
  }
}
