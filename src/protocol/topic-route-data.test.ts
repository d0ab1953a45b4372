import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeTopicRouteData, encodeTopicRouteData, type TopicRouteData } from './topic-route-data.ts'

const route: TopicRouteData = {
  brokerDatas: [
    {
      cluster: 'C',
      brokerName: 'broker-a',
      brokerAddrs: new Map([
        [0, '127.0.0.1:10911'],
        [1, '127.0.0.2:10911'],
      ]),
      enableActingMaster: false,
    },
  ],
  queueDatas: [{ brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 }],
  filterServerTable: new Map(),
}

describe('TopicRouteData', () => {
  it('is written strictly or with bare broker ids, compact and in the order of RocketMQ', () => {
    const rest =
      '"brokerName":"broker-a","cluster":"C","enableActingMaster":false}],"filterServerTable":{},' +
      '"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,' +
      '"writeQueueNums":4}]}'
    assert.equal(
      String(encodeTopicRouteData(route, 'strict')),
      `{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911","1":"127.0.0.2:10911"},${rest}`,
    )
    assert.equal(
      String(encodeTopicRouteData(route, 'bare')),
      `{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:10911",1:"127.0.0.2:10911"},${rest}`,
    )
  })

  it('always has its queues and its addresses: the Go client cuts the text by hand', () => {
    const bare = {
      ...route,
      brokerDatas: route.brokerDatas.map((broker) => ({ ...broker, brokerAddrs: new Map() })),
    }
    const text = String(encodeTopicRouteData({ ...bare, queueDatas: [] }, 'strict'))
    assert.equal(text.includes('"brokerAddrs":{}') && text.includes('"queueDatas":[]'), true)
    assert.equal(/\s/.test(text), false)
  })

  it('comes back in either dialect, optional parts included', () => {
    const full: TopicRouteData = {
      ...route,
      brokerDatas: route.brokerDatas.map((broker) => ({ ...broker, zoneName: 'z' })),
      orderTopicConf: 'broker-a:4',
      filterServerTable: new Map([['127.0.0.1:10911', ['f']]]),
    }
    for (const given of [route, full]) {
      for (const dialect of ['strict', 'bare'] as const) {
        assert.deepEqual(decodeTopicRouteData(encodeTopicRouteData(given, dialect)), given)
      }
    }
  })

  it('reads the misspelt flag of old name servers', () => {
    const text =
      '{"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"topicSynFlag":1,"writeQueueNums":4}]}'
    assert.equal(decodeTopicRouteData(Buffer.from(text)).queueDatas[0]?.topicSysFlag, 1)
  })

  it('names the field that is wrong', () => {
    const text = '{"brokerDatas":[{"brokerName":"b","brokerAddrs":{"x":"1"}}]}'
    assert.throws(() => decodeTopicRouteData(Buffer.from(text)), {
      kind: 'badBody',
      message: 'topic route.brokerDatas[0].brokerAddrs is not a table with numbers as keys, not "x"',
    })
  })
})
