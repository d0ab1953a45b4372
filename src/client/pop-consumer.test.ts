import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { TestCluster } from './test-cluster.ts'

describe('PopConsumer', () => {
  it('joins its group no more when it was closed while it asked for the route', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 2)
    const client = await cluster.client()
    const consumer = client.pop({ group: 'g', topic: 'orders' })
    const pulled = consumer.pull()
    await consumer.close()
    assert.deepEqual(await cluster.result(pulled), [])
    await cluster.result(client.producer().send({ topic: 'orders', body: 'for a heartbeat to the broker' }))
    await cluster.clock.advance(60_000)
    const { heartbeats, requests } = cluster.broker('a')
    assert.ok(heartbeats.length > 0)
    assert.deepEqual(
      heartbeats.flatMap(({ consumers }) => consumers),
      [],
    )
    assert.ok(!requests.some(({ code }) => code === RequestCode.POP_MESSAGE))
    await cluster.close()
  })

  it('says farewell when the last of its group in this client is closed', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 2)
    const broker = cluster.broker('a')
    broker.intercept.set(RequestCode.POP_MESSAGE, () => ({ code: ResponseCode.POLLING_TIMEOUT }))
    const client = await cluster.client()
    const consumers = [1, 2].map(() => client.pop({ group: 'g', topic: 'orders' }))
    for (const consumer of consumers) await cluster.result(consumer.pull({ waitMs: 0 }))
    assert.equal(broker.clientIds('g').length, 1)
    await cluster.result(Promise.resolve(consumers[0]?.close()))
    assert.equal(broker.clientIds('g').length, 1)
    await cluster.result(Promise.resolve(consumers[1]?.close()))
    assert.deepEqual(broker.clientIds('g'), [])
    await cluster.close()
  })
})
