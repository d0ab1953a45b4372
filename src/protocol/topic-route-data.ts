import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readText } from './json-fields.ts'

/** The processes that serve one broker name: a master, id 0, and its slaves. */
export interface BrokerData {
  readonly cluster: string
  readonly brokerName: string
  /** `host:port` by broker id. */
  readonly brokerAddrs: ReadonlyMap<number, string>
  readonly enableActingMaster: boolean
  readonly zoneName?: string
}

/** How many queues a broker has for the topic. */
export interface QueueData {
  readonly brokerName: string
  readonly readQueueNums: number
  readonly writeQueueNums: number
  readonly perm: number
  readonly topicSysFlag: number
}

/** Where a topic's queues are: the body of GET_ROUTEINFO_BY_TOPIC's answer. */
export interface TopicRouteData {
  readonly brokerDatas: readonly BrokerData[]
  readonly queueDatas: readonly QueueData[]
  /** Dead feature: filter servers by broker address. */
  readonly filterServerTable: ReadonlyMap<string, readonly string[]>
  /** `broker:queues;...`; when there, producers take their queues from it. */
  readonly orderTopicConf?: string
  /** Static topics, passed on as they came. */
  readonly topicQueueMappingByBroker?: FastJson
}

/**
 * How number keys are written: `strict` JSON (`{"0":...}`) for clients from 4.9.4 on or with
 * acceptStandardJsonOnly, and `bare` (`{0:...}`) as the Java name server does for all others.
 */
export type JsonDialect = 'strict' | 'bare'

/**
 * Writes a route. The Go client cuts this text at its commas and colons: there is no white space in it,
 * `queueDatas` is always there, and so is `brokerAddrs` of every broker.
 */
export function encodeTopicRouteData(route: TopicRouteData, dialect: JsonDialect): Buffer {
  return fastJsonBytes({
    brokerDatas: route.brokerDatas.map((broker) => brokerDataJson(broker, dialect)),
    filterServerTable: route.filterServerTable,
    orderTopicConf: route.orderTopicConf,
    queueDatas: route.queueDatas.map(queueDataJson),
    topicQueueMappingByBroker: route.topicQueueMappingByBroker,
  })
}

/**
 * Reads a route in either dialect.
 * @throws MqError badBody when a field is missing or of another type
 */
export function decodeTopicRouteData(body: Buffer): TopicRouteData {
  const fields = JsonFields.ofBody(body, 'topic route')
  const orderTopicConf = fields.optionalText('orderTopicConf')
  const mapping = fields.raw('topicQueueMappingByBroker')
  return {
    brokerDatas: fields.objects('brokerDatas', readBrokerData),
    queueDatas: fields.objects('queueDatas', readQueueData),
    filterServerTable: fields.table('filterServerTable', readTexts),
    ...(orderTopicConf === undefined ? {} : { orderTopicConf }),
    ...(mapping === undefined ? {} : { topicQueueMappingByBroker: mapping }),
  }
}

/** One broker name as a JSON value. */
export function brokerDataJson(broker: BrokerData, dialect: JsonDialect): FastJson {
  const addresses = new Map<FastJson, FastJson>()
  for (const [id, address] of broker.brokerAddrs) addresses.set(dialect === 'bare' ? id : String(id), address)
  return {
    brokerAddrs: addresses,
    brokerName: broker.brokerName,
    cluster: broker.cluster,
    enableActingMaster: broker.enableActingMaster,
    zoneName: broker.zoneName,
  }
}

/** @throws MqError badBody when a field is missing or of another type */
export function readBrokerData(fields: JsonFields): BrokerData {
  const zoneName = fields.optionalText('zoneName')
  return {
    cluster: fields.text('cluster', ''),
    brokerName: fields.text('brokerName'),
    brokerAddrs: fields.numberedTable('brokerAddrs', readText),
    enableActingMaster: fields.flag('enableActingMaster', false),
    ...(zoneName === undefined ? {} : { zoneName }),
  }
}

function queueDataJson(queues: QueueData): FastJson {
  return {
    brokerName: queues.brokerName,
    perm: queues.perm,
    readQueueNums: queues.readQueueNums,
    topicSysFlag: queues.topicSysFlag,
    writeQueueNums: queues.writeQueueNums,
  }
}

function readQueueData(fields: JsonFields): QueueData {
  return {
    brokerName: fields.text('brokerName'),
    readQueueNums: fields.int32('readQueueNums'),
    writeQueueNums: fields.int32('writeQueueNums'),
    perm: fields.int32('perm'),
    // The name until 4.x was misspelt; name servers of that age still send it.
    topicSysFlag: fields.int32('topicSysFlag', fields.int32('topicSynFlag', 0)),
  }
}

function readTexts(value: FastJson, path: string): string[] {
  return new JsonFields({ list: value }, path).texts('list')
}
