import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TopicRouteData } from '../protocol/topic-route-data.ts'
import { isSameRoute, templateRouteOf, topicRouteOf } from './topic-route.ts'

function dataOf(changes: Partial<TopicRouteData> = {}): TopicRouteData {
  const broker = (brokerName: string, ...ids: number[]) => ({
    ...{ brokerName, cluster: 'c', enableActingMaster: false },
    brokerAddrs: new Map(ids.map((id) => [id, `10.0.0.${id + 1}:${brokerName.charCodeAt(0)}`])),
  })
  const queues = (brokerName: string, readQueueNums: number, writeQueueNums: number, perm = 6) => ({
    ...{ brokerName, readQueueNums, writeQueueNums, perm, topicSysFlag: 0 },
  })
  return {
    brokerDatas: [broker('b', 0), broker('a', 0, 1), broker('s', 1)],
    queueDatas: [
      queues('b', 1, 2),
      queues('a', 2, 1),
      queues('s', 1, 1),
      queues('r', 1, 1, 4),
      queues('w', 1, 1, 2),
    ],
    filterServerTable: new Map(),
    ...changes,
  }
}

const text = (queues: readonly { brokerName: string; queueId: number }[]): string =>
  queues.map(({ brokerName, queueId }) => brokerName + queueId).join(' ')

describe('topicRouteOf', () => {
  it('writes to masters and reads from all, by broker and queue', () => {
    const route = topicRouteOf('t', dataOf())
    assert.equal(text(route.writeQueues), 'a0 b0 b1')
    assert.equal(text(route.readQueues), 'a0 a1 b0 r0 s0')
    assert.equal(route.isTemplate, false)
  })

  it('puts a configured order above the numbers of queues', () => {
    const route = topicRouteOf('t', dataOf({ orderTopicConf: 'b:1;a:2;' }))
    assert.equal(text(route.writeQueues), 'b0 a0 a1')
    assert.equal(text(topicRouteOf('t', dataOf({ orderTopicConf: 'x;y:z' })).writeQueues), '')
  })
})

describe('templateRouteOf', () => {
  it('counts on four queues at most, and has none to read', () => {
    const queueDatas = [{ brokerName: 'a', readQueueNums: 8, writeQueueNums: 8, perm: 7, topicSysFlag: 0 }]
    const route = templateRouteOf('t', dataOf({ queueDatas }))
    assert.equal(text(route.writeQueues), 'a0 a1 a2 a3')
    assert.equal(text(route.readQueues), '')
    assert.equal(route.isTemplate, true)
  })
})

describe('isSameRoute', () => {
  it('looks at addresses and queues, not at their order', () => {
    const data = dataOf()
    const turned = { ...data, brokerDatas: [...data.brokerDatas].reverse() }
    assert(isSameRoute(topicRouteOf('t', data), topicRouteOf('t', turned)))
    const moved = data.brokerDatas.map((broker) => ({ ...broker, brokerAddrs: new Map([[0, '10.0.0.9:1']]) }))
    assert(!isSameRoute(topicRouteOf('t', data), topicRouteOf('t', { ...data, brokerDatas: moved })))
    assert(!isSameRoute(topicRouteOf('t', data), templateRouteOf('t', data)))
  })
})
