import type { TopicRouteData } from '../protocol/topic-route-data.ts'
import { MASTER_ID } from './broker-table.ts'

/**
 * A route without the brokers of other zones, for clients that ask for their own (RocketMQ ZoneRouteRPCHook).
 * A broker whose master is gone stays: consumers need its slaves, wherever they are.
 */
export function routeInZone(route: TopicRouteData, zoneName: string): TopicRouteData {
  const zone = zoneName.toLowerCase()
  const brokerDatas = route.brokerDatas.filter(
    (broker) => !broker.brokerAddrs.has(MASTER_ID) || broker.zoneName?.toLowerCase() === zone,
  )
  const kept = new Set(brokerDatas.map(({ brokerName }) => brokerName))
  return {
    ...route,
    brokerDatas,
    queueDatas: route.queueDatas.filter(({ brokerName }) => kept.has(brokerName)),
  }
}
