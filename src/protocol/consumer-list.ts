import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/** Client ids of a consumer group: the body of GET_CONSUMER_LIST_BY_GROUP's answer. */
export function encodeConsumerList(clientIds: readonly string[]): Buffer {
  return fastJsonBytes({ consumerIdList: clientIds })
}

/** @throws MqError badBody when it is no such list */
export function decodeConsumerList(body: Buffer): string[] {
  return JsonFields.ofBody(body, 'consumer list').texts('consumerIdList')
}
