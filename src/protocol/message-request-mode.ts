import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/** Whether a group pulls or pops. */
export const messageRequestModes = ['PULL', 'POP'] as const
export type MessageRequestMode = (typeof messageRequestModes)[number]

/** How a group takes a topic: the body of SET_MESSAGE_REQUEST_MODE. */
export interface MessageRequestModeSetting {
  readonly topic: string
  readonly consumerGroup: string
  readonly mode: MessageRequestMode
  /** Clients that share a popped queue; 0 is all. */
  readonly popShareQueueNum: number
}

/** Writes the body of SET_MESSAGE_REQUEST_MODE. */
export function encodeMessageRequestMode(setting: MessageRequestModeSetting): Buffer {
  return fastJsonBytes(settingJson(setting))
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeMessageRequestMode(body: Buffer): MessageRequestModeSetting {
  return readSetting(JsonFields.ofBody(body, 'message request mode'))
}

/** Settings by topic and group: messageRequestMode.json, and what GET_ALL_MESSAGE_REQUEST_MODE answers. */
export type MessageRequestModeTable = ReadonlyMap<string, ReadonlyMap<string, MessageRequestModeSetting>>

/** Writes the answer of GET_ALL_MESSAGE_REQUEST_MODE. */
export function encodeMessageRequestModeTable(table: MessageRequestModeTable): Buffer {
  return fastJsonBytes(messageRequestModeTableJson(table))
}

/** The table as a JSON value. */
export function messageRequestModeTableJson(table: MessageRequestModeTable): FastJson {
  const topics = new Map<FastJson, FastJson>()
  for (const [topic, groups] of table) {
    topics.set(topic, new Map(Array.from(groups, ([group, setting]) => [group, settingJson(setting)])))
  }
  return { messageRequestModeMap: topics }
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeMessageRequestModeTable(body: Buffer): MessageRequestModeTable {
  return JsonFields.ofBody(body, 'message request modes').table('messageRequestModeMap', (value, path) =>
    new JsonFields({ groups: value }, path).table('groups', (setting, settingPath) =>
      readSetting(new JsonFields(setting, settingPath)),
    ),
  )
}

function settingJson({ consumerGroup, mode, popShareQueueNum, topic }: MessageRequestModeSetting): FastJson {
  return { consumerGroup, mode, popShareQueueNum, topic }
}

function readSetting(fields: JsonFields): MessageRequestModeSetting {
  return {
    topic: fields.text('topic'),
    consumerGroup: fields.text('consumerGroup'),
    mode: fields.word('mode', messageRequestModes, 'PULL'),
    popShareQueueNum: fields.int32('popShareQueueNum', 0),
  }
}
