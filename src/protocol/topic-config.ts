import { MqError } from '../base/errors.ts'
import { type DataVersion, dataVersionJson, readDataVersion } from './data-version.ts'
import { type FastJson, readFastJson } from './fastjson.ts'
import { fastJsonBytes, writeFastJson } from './fastjson-writer.ts'
import { JsonFields, readText } from './json-fields.ts'
import { PERMISSION_DEFAULT } from './permission.ts'

/** How many tags a message of the topic may have. Only SINGLE_TAG is in use. */
export type TopicFilterType = 'SINGLE_TAG' | 'MULTI_TAG'

/** What a broker knows of a topic. */
export interface TopicConfig {
  readonly topicName: string
  readonly readQueueNums: number
  readonly writeQueueNums: number
  /** `Permission` bits. */
  readonly perm: number
  readonly topicFilterType: TopicFilterType
  /** `TopicSysFlag` bits. */
  readonly topicSysFlag: number
  readonly order: boolean
  /** Settings such as `message.type`; neither names nor values hold a space. */
  readonly attributes: ReadonlyMap<string, string>
}

/** Queues of a topic unless told otherwise (RocketMQ 5.x TopicConfig). */
export const TOPIC_QUEUES_DEFAULT = 16

/** Most topics have none, and there may be very many topics: one table for all of those. */
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()

/** A topic with RocketMQ's defaults, and what differs from them. */
export function topicConfig(topicName: string, given: Partial<TopicConfig> = {}): TopicConfig {
  return {
    topicName,
    readQueueNums: TOPIC_QUEUES_DEFAULT,
    writeQueueNums: TOPIC_QUEUES_DEFAULT,
    perm: PERMISSION_DEFAULT,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: NO_ATTRIBUTES,
    ...given,
  }
}

/** The topic as a JSON value, its keys in fastjson's order. */
export function topicConfigJson(config: TopicConfig): FastJson {
  return {
    attributes: config.attributes,
    order: config.order,
    perm: config.perm,
    readQueueNums: config.readQueueNums,
    topicFilterType: config.topicFilterType,
    topicName: config.topicName,
    topicSysFlag: config.topicSysFlag,
    writeQueueNums: config.writeQueueNums,
  }
}

/**
 * Reads a topic; what is absent takes RocketMQ's default.
 * @throws MqError badBody when a field is of another type, or the name is missing
 */
export function readTopicConfig(fields: JsonFields): TopicConfig {
  const attributes = fields.table('attributes', readText)
  return {
    topicName: fields.text('topicName'),
    readQueueNums: fields.int32('readQueueNums', TOPIC_QUEUES_DEFAULT),
    writeQueueNums: fields.int32('writeQueueNums', TOPIC_QUEUES_DEFAULT),
    perm: fields.int32('perm', PERMISSION_DEFAULT),
    topicFilterType: fields.word('topicFilterType', ['SINGLE_TAG', 'MULTI_TAG'], 'SINGLE_TAG'),
    topicSysFlag: fields.int32('topicSysFlag', 0),
    order: fields.flag('order', false),
    attributes: attributes.size > 0 ? attributes : NO_ATTRIBUTES,
  }
}

/** The body of GET_TOPIC_CONFIG's answer. */
export function encodeTopicConfig(config: TopicConfig): Buffer {
  return fastJsonBytes(topicConfigJson(config))
}

/** @throws MqError badBody as `readTopicConfig` */
export function decodeTopicConfig(body: Buffer): TopicConfig {
  return readTopicConfig(JsonFields.ofBody(body, 'topic config'))
}

/**
 * The text of a topic in a compressed registration: name, queues to read and to write, perm, filter type,
 * attributes.
 */
export function topicConfigText(config: TopicConfig): string {
  const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, attributes } = config
  return [topicName, readQueueNums, writeQueueNums, perm, topicFilterType, writeFastJson(attributes)].join(
    ' ',
  )
}

/**
 * Reads a `topicConfigText`; brokers before 5.0 write no attributes. Attributes that cannot be read count as
 * none, as with the Java name server.
 * @throws MqError badBody when one of the first five parts is missing or malformed
 */
export function parseTopicConfigText(text: string): TopicConfig {
  const [topicName, readText, writeText, permText, filterType, attributesText] = text.split(' ')
  const [readQueueNums, writeQueueNums, perm] = [readText, writeText, permText].map(int32Of)
  if (
    topicName === undefined ||
    topicName === '' ||
    readQueueNums === undefined ||
    writeQueueNums === undefined ||
    perm === undefined ||
    (filterType !== 'SINGLE_TAG' && filterType !== 'MULTI_TAG')
  ) {
    throw new MqError('badBody', `topic config "${text.slice(0, 200)}" is malformed`)
  }
  const attributes = attributesOf(attributesText)
  return topicConfig(topicName, {
    readQueueNums,
    writeQueueNums,
    perm,
    topicFilterType: filterType,
    attributes,
  })
}

/** All topics of a broker with the version of the table: what 21 answers and 103 carries. */
export interface TopicConfigTable {
  readonly topicConfigTable: ReadonlyMap<string, TopicConfig>
  readonly dataVersion: DataVersion
  /** Version of the mapping tables below. */
  readonly mappingDataVersion: DataVersion
  /** Static topics, passed on as they came; TernMQ has none. */
  readonly topicQueueMappingInfoMap: ReadonlyMap<string, FastJson>
  readonly topicQueueMappingDetailMap: ReadonlyMap<string, FastJson>
}

/** The table (RocketMQ's TopicConfigAndMappingSerializeWrapper) as a JSON value. */
export function topicConfigTableJson(table: TopicConfigTable): FastJson {
  const topics = new Map<FastJson, FastJson>()
  for (const [name, config] of table.topicConfigTable) topics.set(name, topicConfigJson(config))
  return {
    dataVersion: dataVersionJson(table.dataVersion),
    mappingDataVersion: dataVersionJson(table.mappingDataVersion),
    topicConfigTable: topics,
    topicQueueMappingDetailMap: table.topicQueueMappingDetailMap,
    topicQueueMappingInfoMap: table.topicQueueMappingInfoMap,
  }
}

/** @throws MqError badBody when a field is of another type */
export function readTopicConfigTable(fields: JsonFields): TopicConfigTable {
  const readTopic = (value: FastJson, path: string) => readTopicConfig(new JsonFields(value, path))
  return {
    topicConfigTable: fields.table('topicConfigTable', readTopic),
    dataVersion: readDataVersion(fields.optionalObject('dataVersion')),
    mappingDataVersion: readDataVersion(fields.optionalObject('mappingDataVersion')),
    topicQueueMappingInfoMap: fields.table('topicQueueMappingInfoMap', (value) => value),
    topicQueueMappingDetailMap: fields.table('topicQueueMappingDetailMap', (value) => value),
  }
}

/** The body of GET_ALL_TOPIC_CONFIG's answer. */
export function encodeTopicConfigTable(table: TopicConfigTable): Buffer {
  return fastJsonBytes(topicConfigTableJson(table))
}

/** @throws MqError badBody as `readTopicConfigTable` */
export function decodeTopicConfigTable(body: Buffer): TopicConfigTable {
  return readTopicConfigTable(JsonFields.ofBody(body, 'topic config table'))
}

/** The body of UPDATE_AND_CREATE_TOPIC_LIST. */
export function encodeTopicConfigList(configs: readonly TopicConfig[]): Buffer {
  return fastJsonBytes({ topicConfigList: configs.map(topicConfigJson) })
}

/** @throws MqError badBody as `readTopicConfig` */
export function decodeTopicConfigList(body: Buffer): TopicConfig[] {
  return JsonFields.ofBody(body, 'topic config list').objects('topicConfigList', readTopicConfig)
}

function int32Of(text: string | undefined): number | undefined {
  const number = text !== undefined && /^[+-]?\d{1,10}$/.test(text) ? Number(text) : undefined
  return number === undefined || number !== (number | 0) ? undefined : number
}

function attributesOf(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined || text === '') return new Map()
  try {
    return new JsonFields({ attributes: readFastJson(text) }, 'topic config').table('attributes', readText)
  } catch (error) {
    if (error instanceof MqError) return new Map()
    throw error
  }
}
