import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/** Names of topics: what 206, 224, 304, 305, 311 to 313 and 343 answer. */
export interface TopicList {
  readonly topics: readonly string[]
  /** With system topics (304): one of the brokers. */
  readonly brokerAddr?: string
}

/** Writes a topic list. */
export function encodeTopicList({ topics, brokerAddr }: TopicList): Buffer {
  return fastJsonBytes({ brokerAddr, topicList: topics })
}

/** @throws MqError badBody when a field is of another type */
export function decodeTopicList(body: Buffer): TopicList {
  const fields = JsonFields.ofBody(body, 'topic list')
  const brokerAddr = fields.optionalText('brokerAddr')
  return { topics: fields.texts('topicList'), ...(brokerAddr === undefined ? {} : { brokerAddr }) }
}

/** Writes names of groups: what QUERY_TOPIC_CONSUME_BY_WHO answers. */
export function encodeGroupList(groups: readonly string[]): Buffer {
  return fastJsonBytes({ groupList: groups })
}

/** @throws MqError badBody when it is no such list */
export function decodeGroupList(body: Buffer): string[] {
  return JsonFields.ofBody(body, 'group list').texts('groupList')
}
