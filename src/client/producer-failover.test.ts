import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { ClientError } from './client-error.ts'
import type { Producer, ProducerOptions } from './producer.ts'
import { TestCluster } from './test-cluster.ts'

const { SEND_MESSAGE_V2 } = RequestCode

async function producerOf(cluster: TestCluster, options: ProducerOptions = {}): Promise<Producer> {
  return (await cluster.client()).producer(options)
}

describe('Producer whose brokers fail', () => {
  const again = [
    ...[ResponseCode.TOPIC_NOT_EXIST, ResponseCode.SERVICE_NOT_AVAILABLE, ResponseCode.SYSTEM_ERROR],
    ...[ResponseCode.SYSTEM_BUSY, ResponseCode.NO_PERMISSION, ResponseCode.NO_BUYER_ID],
    ...[ResponseCode.NOT_IN_CURRENT_UNIT, ResponseCode.GO_AWAY],
  ]

  it('tries another broker after the codes that RocketMQ does that for', async () => {
    for (const code of again) {
      const cluster = await TestCluster.of('a', 'b')
      cluster.topic('orders', 4)
      const producer = await producerOf(cluster)
      cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({ code, remark: 'not here' }))
      for (let i = 0; i < 4; i++) {
        const { queue } = await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
        assert.equal(queue.brokerName, 'b', `code ${code}`)
      }
      const ids = [
        ...cluster.broker('a').requestsOf(SEND_MESSAGE_V2),
        ...cluster.broker('b').requestsOf(SEND_MESSAGE_V2),
      ].map((request) => parseProperties(request.text('i')).get('UNIQ_KEY'))
      assert.equal(new Set(ids).size, 4, 'a message keeps its id through its attempts')
    }
  })

  it('tries no other broker after any other code', async () => {
    const others = [
      ResponseCode.MESSAGE_ILLEGAL,
      ResponseCode.INVALID_PARAMETER,
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    ]
    for (const code of others) {
      const cluster = await TestCluster.of('a', 'b')
      cluster.topic('orders', 4)
      const producer = await producerOf(cluster)
      for (const broker of cluster.brokers.values()) {
        broker.intercept.set(SEND_MESSAGE_V2, () => ({ code, remark: 'no' }))
      }
      const error = await cluster.result(
        producer.send({ topic: 'orders', body: 'x' }).catch((thrown) => thrown),
      )
      assert(error instanceof ClientError)
      assert.equal(error.responseCode, code)
      assert.equal(
        cluster.broker('a').countOf(SEND_MESSAGE_V2) + cluster.broker('b').countOf(SEND_MESSAGE_V2),
        1,
      )
    }
  })

  it('gives up after its retries with the last error', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster, { retries: 3 })
    for (const broker of cluster.brokers.values()) {
      broker.intercept.set(SEND_MESSAGE_V2, () => ({ code: ResponseCode.SYSTEM_BUSY, remark: 'too much' }))
    }
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: 'x' })), {
      code: 'busy',
      retriable: true,
    })
    assert.equal(
      cluster.broker('a').countOf(SEND_MESSAGE_V2) + cluster.broker('b').countOf(SEND_MESSAGE_V2),
      4,
    )
  })

  it('does not leave a queue that the program has chosen', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 2)
    const producer = await producerOf(cluster)
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({ code: ResponseCode.SYSTEM_BUSY }))
    const chosen = producer.send({ topic: 'orders', body: 'x' }, { queueIndex: 0 })
    await assert.rejects(cluster.result(chosen), { code: 'busy' })
    assert.equal(cluster.broker('b').countOf(SEND_MESSAGE_V2), 0)
  })

  it('goes past a broker that refuses connections, and keeps away from it for 10 s', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster)
    cluster.network.refuse('10.0.0.1', true)
    for (let i = 0; i < 8; i++) {
      assert.equal(
        (await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).queue.brokerName,
        'b',
      )
    }
    cluster.network.refuse('10.0.0.1', false)
    for (let i = 0; i < 8; i++) {
      assert.equal(
        (await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).queue.brokerName,
        'b',
      )
    }
    await cluster.clock.advance(10_000)
    const names = new Set<string>()
    for (let i = 0; i < 8; i++) {
      names.add((await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).queue.brokerName)
    }
    assert.deepEqual([...names].sort(), ['a', 'b'])
  })

  it('uses a slow broker all the same when there is no other', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 2)
    const producer = await producerOf(cluster)
    cluster.network.refuse('10.0.0.1', true)
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: 'x' })), {
      code: 'connectionLost',
      retriable: true,
    })
    cluster.network.refuse('10.0.0.1', false)
    assert.equal((await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).status, 'SEND_OK')
  })

  it('ends with timeout when no answer comes in time, whatever the number of retries', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 2)
    const producer = await producerOf(cluster, { timeoutMs: 2000 })
    for (const broker of cluster.brokers.values()) {
      broker.intercept.set(SEND_MESSAGE_V2, () => new Promise(() => undefined))
    }
    const startMs = cluster.clock.monoMs()
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: 'x' })), { code: 'timeout' })
    assert(cluster.clock.monoMs() - startMs < 2200)
  })

  it('sends by another broker when the connection breaks before the answer', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 2)
    const producer = await producerOf(cluster)
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => {
      cluster.broker('a').dropConnections()
      return {}
    })
    for (let i = 0; i < 2; i++) {
      assert.equal(
        (await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).queue.brokerName,
        'b',
      )
    }
  })

  it('follows a broker to its new queues when a route has changed', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    cluster.topic('orders', 3)
    await cluster.clock.advance(31_000)
    const ids = new Set<number>()
    for (let i = 0; i < 6; i++) {
      ids.add((await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).queue.queueId)
    }
    assert.deepEqual([...ids].sort(), [0, 1, 2])
  })

  it('keeps the route that it has while NameServers know none', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    cluster.hidden.add('a')
    await cluster.clock.advance(65_000)
    assert.equal((await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).status, 'SEND_OK')
  })
})
