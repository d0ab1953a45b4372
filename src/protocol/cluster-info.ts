import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readText } from './json-fields.ts'
import { type BrokerData, brokerDataJson, readBrokerData } from './topic-route-data.ts'

/** All brokers a name server knows: the body of GET_BROKER_CLUSTER_INFO's answer. */
export interface ClusterInfo {
  /** By broker name. */
  readonly brokerAddrTable: ReadonlyMap<string, BrokerData>
  /** Broker names by cluster. */
  readonly clusterAddrTable: ReadonlyMap<string, readonly string[]>
}

/** Writes cluster info. Broker ids go without quotes, whatever the client: so the Java name server does. */
export function encodeClusterInfo(info: ClusterInfo): Buffer {
  const brokers = new Map<FastJson, FastJson>()
  for (const [name, broker] of info.brokerAddrTable) brokers.set(name, brokerDataJson(broker, 'bare'))
  return fastJsonBytes({ brokerAddrTable: brokers, clusterAddrTable: info.clusterAddrTable })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeClusterInfo(body: Buffer): ClusterInfo {
  const fields = JsonFields.ofBody(body, 'cluster info')
  return {
    brokerAddrTable: fields.table('brokerAddrTable', (value, path) =>
      readBrokerData(new JsonFields(value, path)),
    ),
    clusterAddrTable: fields.table('clusterAddrTable', (value, path) =>
      new JsonFields({ names: value }, path).texts('names'),
    ),
  }
}

/** The processes of one broker name: what GET_BROKER_MEMBER_GROUP answers. */
export interface BrokerMemberGroup {
  readonly cluster: string
  readonly brokerName: string
  /** Addresses by broker id. */
  readonly brokerAddrs: ReadonlyMap<number, string>
}

/** Writes the answer of GET_BROKER_MEMBER_GROUP. */
export function encodeBrokerMemberGroup(group: BrokerMemberGroup): Buffer {
  const { brokerAddrs, brokerName, cluster } = group
  return fastJsonBytes({ brokerMemberGroup: { brokerAddrs, brokerName, cluster } })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeBrokerMemberGroup(body: Buffer): BrokerMemberGroup {
  const fields = JsonFields.ofBody(body, 'answer').object('brokerMemberGroup')
  return {
    cluster: fields.text('cluster', ''),
    brokerName: fields.text('brokerName', ''),
    brokerAddrs: fields.numberedTable('brokerAddrs', readText),
  }
}
