import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BrokerData, TopicRouteData } from '../protocol/topic-route-data.ts'
import { routeInZone } from './zone-route.ts'

function broker(brokerName: string, brokerId: number, zoneName?: string): BrokerData {
  const brokerAddrs = new Map([[brokerId, `${brokerName}:1`]])
  return { cluster: 'C', brokerName, brokerAddrs, enableActingMaster: false, ...(zoneName && { zoneName }) }
}

describe('route in a zone', () => {
  it('keeps the brokers of the zone, and those without master', () => {
    const brokerDatas = [
      broker('near', 0, 'Z1'),
      broker('far', 0, 'z2'),
      broker('none', 0),
      broker('slave', 1, 'z2'),
    ]
    const queueDatas = brokerDatas.map(({ brokerName }) => {
      return { brokerName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }
    })
    const route: TopicRouteData = { brokerDatas, queueDatas, filterServerTable: new Map() }
    const near = routeInZone(route, 'z1')
    assert.deepEqual(
      near.brokerDatas.map(({ brokerName }) => brokerName),
      ['near', 'slave'],
    )
    assert.deepEqual(
      near.queueDatas.map(({ brokerName }) => brokerName),
      ['near', 'slave'],
    )
  })
})
