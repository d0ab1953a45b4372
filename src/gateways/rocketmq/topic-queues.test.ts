import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../../base/errors.ts'
import { TestBroker } from '../../broker/test-broker.ts'
import { encodeTopicRouteData } from '../../protocol/topic-route-data.ts'
import { TopicQueues } from './topic-queues.ts'

const ROUTE = encodeTopicRouteData(
  {
    brokerDatas: [],
    queueDatas: ['broker-a', 'broker-b'].map((brokerName) => ({
      ...{ brokerName, readQueueNums: 2, writeQueueNums: 2, perm: 6, topicSysFlag: 0 },
    })),
    filterServerTable: new Map(),
  },
  'strict',
)

const ANSWER = {
  ...{ code: 0, opaque: 0, flag: 1, language: 0, version: 0 },
  ...{ extFields: {}, body: ROUTE, remark: undefined },
}

describe('TopicQueues', () => {
  it('goes on with what it knows while no NameServer answers', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    let isUp = true
    const queues = new TopicQueues(test.broker, {
      invoke: async () => {
        if (isUp) return ANSWER
        throw new MqError('timeout', 'no answer')
      },
    })
    queues.namesrvAddrs = ['127.0.0.1:9876']
    const count = async (): Promise<number | undefined> => (await queues.queuesOf('orders'))?.length
    assert.equal(await count(), 2)
    isUp = false
    for (let round = 0; round < 3; round++) {
      await test.clock.advance(30_000)
      assert.equal(await count(), 2)
    }
  })

  it('asks the NameServers for a topic twice a minute at most, and knows its own queues by itself', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders', 1)
    let askedCount = 0
    const queues = new TopicQueues(test.broker, {
      invoke: async () => {
        askedCount++
        return ANSWER
      },
    })
    const names = async (): Promise<string[]> =>
      ((await queues.queuesOf('orders')) ?? []).map(({ brokerName, queueId }) => `${brokerName}/${queueId}`)
    assert.deepEqual(await names(), ['broker-a/0'], 'without NameServers there is only this broker')
    queues.namesrvAddrs = ['127.0.0.1:9876']
    const all = ['broker-b/0', 'broker-b/1', 'broker-a/0']
    assert.deepEqual(await Promise.all([names(), names()]), [all, all])
    test.topic('orders', 2)
    assert.deepEqual(await names(), [...all, 'broker-a/1'])
    assert.equal(askedCount, 1)
    await test.clock.advance(30_000)
    await names()
    assert.equal(askedCount, 2)
  })
})
