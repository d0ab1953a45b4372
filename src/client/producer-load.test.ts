import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import type { Producer, ProducerOptions } from './producer.ts'
import { TestCluster } from './test-cluster.ts'

const { SEND_MESSAGE_V2 } = RequestCode

async function producerOf(cluster: TestCluster, options: ProducerOptions = {}): Promise<Producer> {
  return (await cluster.client()).producer(options)
}

describe('Producer under load', () => {
  it('has many sends under way on one connection, and no more than it may', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster, { inFlightMax: 50 })
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    let atWork = 0
    let atWorkMax = 0
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => {
      atWorkMax = Math.max(atWorkMax, ++atWork)
      return new Promise((resolve) =>
        cluster.clock.after(10, () => {
          atWork--
          resolve({ extFields: { msgId: '0A', queueId: '0', queueOffset: '1' } })
        }),
      )
    })
    const sends = Array.from({ length: 500 }, () => producer.send({ topic: 'orders', body: 'x' }))
    assert.equal(producer.pendingCount, 500)
    assert.equal((await cluster.result(Promise.all(sends))).length, 500)
    assert.equal(atWorkMax, 50)
    assert.equal(producer.pendingCount, 0)
    assert.equal(cluster.broker('a').connections.length, 1)
  })

  it('bounds the bytes under way, and lets through what is larger than the bound', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster, { inFlightBytesMax: 10_000, compressBytesMin: 1_000_000 })
    const body = Buffer.alloc(4000, 1)
    let atWork = 0
    let atWorkMax = 0
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => {
      atWorkMax = Math.max(atWorkMax, ++atWork)
      return new Promise((resolve) =>
        cluster.clock.after(10, () => {
          atWork--
          resolve({ extFields: { msgId: '0A', queueId: '0', queueOffset: '1' } })
        }),
      )
    })
    const sends = [
      ...Array.from({ length: 10 }, () => producer.send({ topic: 'orders', body })),
      producer.send({ topic: 'orders', body: Buffer.alloc(50_000, 1) }),
    ]
    await cluster.result(Promise.all(sends))
    assert.equal(atWorkMax, 2)
  })

  it('fails many waiting sends without a deep stack', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 0)
    const producer = await producerOf(cluster, { inFlightMax: 1 })
    const sends = Array.from({ length: 20_000 }, () => producer.send({ topic: 'orders', body: 'x' }))
    const outcome = await cluster.result(Promise.allSettled(sends))
    assert(outcome.every(({ status }) => status === 'rejected'))
  })

  it('ends the waiting of a send whose signal aborts, and goes on', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster, { inFlightMax: 1 })
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => new Promise(() => undefined))
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('enough')
    const under = producer.send({ topic: 'orders', body: 'x' }, { signal })
    const waiting = producer.send({ topic: 'orders', body: 'x' }, { signal })
    await cluster.clock.advance(100)
    controller.abort(reason)
    assert.deepEqual(
      (await Promise.allSettled([under, waiting])).map((each) => each.status === 'rejected' && each.reason),
      [reason, reason],
    )
    await assert.rejects(producer.send({ topic: 'orders', body: 'x' }, { signal }), reason)
    cluster.broker('a').intercept.clear()
    assert.equal((await cluster.result(producer.send({ topic: 'orders', body: 'x' }))).status, 'SEND_OK')
  })

  it('holds oneway sends back while the kernel takes nothing', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster, { compressBytesMin: 1e9, inFlightBytesMax: 4_000_000 })
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    cluster.network.partition('10.0.1.1', '10.0.0.1')
    let doneCount = 0
    for (let i = 0; i < 200; i++) {
      void producer.sendOneway({ topic: 'orders', body: Buffer.alloc(100_000) }).then(() => doneCount++)
    }
    await cluster.clock.advance(500)
    assert(doneCount < 30, `${doneCount} are done`)
    cluster.network.heal('10.0.1.1', '10.0.0.1')
    await cluster.until(() => doneCount === 200)
    await cluster.until(() => cluster.broker('a').maxOffset('orders', 0) === 201)
  })

  it('waits for what is under way when it is closed, and takes nothing more', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client()
    const producer = client.producer()
    const sends = Promise.all(
      Array.from({ length: 100 }, () => producer.send({ topic: 'orders', body: 'x' })),
    )
    await cluster.result(client.close())
    assert.equal((await sends).length, 100)
    await assert.rejects(producer.send({ topic: 'orders', body: 'x' }), { code: 'closed' })
    assert.throws(() => client.producer(), { code: 'closed' })
  })
})
