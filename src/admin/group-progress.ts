import { ClientError } from '../client/index.ts'
import { type ConsumeStats, decodeConsumeStats, type OffsetWrapper } from '../protocol/consume-stats.ts'
import { decodeConsumerConnection } from '../protocol/consumer-connection.ts'
import { type ConsumerRunningInfo, decodeConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import {
  decodeSubscriptionGroupTable,
  type SubscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import type { BrokerChoice, Cluster } from './cluster.ts'
import type { Row } from './verb.ts'

/** Groups of a broker by name. */
export async function groupsOfBroker(
  cluster: Cluster,
  address: string,
): Promise<ReadonlyMap<string, SubscriptionGroupConfig>> {
  const { body } = await cluster.broker(address, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
  return decodeSubscriptionGroupTable(body).subscriptionGroupTable
}

/** @throws ClientError groupNotExist: a name that is spelled wrong must not look like a group that keeps up */
export async function mustExist(cluster: Cluster, group: string, where: BrokerChoice): Promise<void> {
  for (const { address } of await cluster.masters(where))
    if ((await groupsOfBroker(cluster, address)).has(group)) return
  throw new ClientError('groupNotExist', `there is no group ${group}`)
}

/** How far a group is: a row a queue, with the sums over all. */
export interface Progress {
  readonly rows: readonly Row[]
  readonly topics: ReadonlySet<string>
  readonly lag: number
  readonly tps: number
}

/** How far a group is on the brokers that are meant; nothing where it is not known. */
export async function progressOf(
  cluster: Cluster,
  group: string,
  where: BrokerChoice & { readonly topic?: string | undefined },
): Promise<Progress> {
  const rows: Row[] = []
  let [lag, tps] = [0, 0]
  for (const { address } of await cluster.masters(where)) {
    const stats = await consumeStatsOf(cluster, address, { consumerGroup: group, topic: where.topic })
    tps += stats?.consumeTps ?? 0
    for (const [queue, offsets] of stats?.offsetTable ?? []) {
      const row = lagRow(queue, offsets)
      lag += row.lag
      rows.push({ ...row, lastTimestamp: offsets.lastTimestamp })
    }
  }
  return {
    rows,
    topics: new Set(rows.map(({ topic }) => String(topic))),
    lag,
    tps: Math.round(tps * 100) / 100,
  }
}

/** How far a group is in a queue. */
export function lagRow(
  { topic, brokerName, queueId }: MessageQueue,
  { brokerOffset, consumerOffset }: Pick<OffsetWrapper, 'brokerOffset' | 'consumerOffset'>,
): Row & { readonly lag: number } {
  return {
    ...{ topic, broker: brokerName, queue: queueId, committed: consumerOffset, maxOffset: brokerOffset },
    lag: brokerOffset - consumerOffset,
  }
}

/** Clients that are connected for a group. */
export async function clientCount(cluster: Cluster, group: string, where: BrokerChoice): Promise<number> {
  const ids = new Set<string>()
  for (const { address } of await cluster.masters(where))
    for (const id of await clientIds(cluster, group, address)) ids.add(id)
  return ids.size
}

/** Clients that a broker knows of a group; none where it knows no such group. */
export async function clientIds(cluster: Cluster, group: string, address: string): Promise<string[]> {
  try {
    const fields = { consumerGroup: group }
    const { body } = await cluster.broker(address, RequestCode.GET_CONSUMER_CONNECTION_LIST, fields)
    return decodeConsumerConnection(body).connections.map(({ clientId }) => clientId)
  } catch (error) {
    // a group without clients is refused, not empty (protocol/requests.md §7)
    if (error instanceof ClientError && error.responseCode !== undefined) return []
    throw error
  }
}

async function consumeStatsOf(
  cluster: Cluster,
  address: string,
  fields: { consumerGroup: string; topic: string | undefined },
): Promise<ConsumeStats | undefined> {
  try {
    return decodeConsumeStats((await cluster.broker(address, RequestCode.GET_CONSUME_STATS, fields)).body)
  } catch (error) {
    if (error instanceof ClientError && error.responseCode !== undefined) return undefined
    throw error
  }
}

/** What a client says of itself, by way of the broker; undefined of one that does not answer, or not in time. */
export async function runningInfo(
  cluster: Cluster,
  address: string,
  { group, clientId, withStack }: { group: string; clientId: string; withStack: boolean },
): Promise<ConsumerRunningInfo | undefined> {
  try {
    const fields = { consumerGroup: group, clientId, jstackEnable: withStack }
    const { body } = await cluster.broker(address, RequestCode.GET_CONSUMER_RUNNING_INFO, fields)
    return decodeConsumerRunningInfo(body)
  } catch (error) {
    // the broker hands on what the client answers, where it does in time
    const isSilent =
      error instanceof ClientError &&
      (error.code === 'notSupported' ||
        error.code === 'timeout' ||
        error.responseCode === ResponseCode.CONSUME_MSG_TIMEOUT)
    if (isSilent) return undefined
    throw error
  }
}

/** Which client has each queue, by `topic/broker/queue`. */
export async function queueOwners(
  cluster: Cluster,
  group: string,
  where: BrokerChoice,
): Promise<Map<string, string>> {
  const owners = new Map<string, string>()
  for (const { address } of await cluster.masters(where)) {
    for (const clientId of await clientIds(cluster, group, address)) {
      const info = await runningInfo(cluster, address, { group, clientId, withStack: false })
      for (const { topic, brokerName, queueId } of info?.mqTable.keys() ?? [])
        owners.set(`${topic}/${brokerName}/${queueId}`, clientId)
    }
  }
  return owners
}
