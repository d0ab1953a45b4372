import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBatch } from '../protocol/message-batch.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { LingerOptions } from './linger.ts'
import type { Producer } from './producer.ts'
import { TestCluster } from './test-cluster.ts'

const { SEND_MESSAGE_V2, SEND_BATCH_MESSAGE } = RequestCode

async function lingering(linger: LingerOptions): Promise<{ cluster: TestCluster; producer: Producer }> {
  const cluster = await TestCluster.of('a')
  cluster.topic('orders', 4)
  const producer = (await cluster.client()).producer({ linger })
  // the route is known from here on
  await cluster.result(producer.queues('orders'))
  return { cluster, producer }
}

const counts = (cluster: TestCluster): number[] =>
  [SEND_MESSAGE_V2, SEND_BATCH_MESSAGE].map((code) => cluster.broker('a').countOf(code))

describe('a producer that lingers', () => {
  it('puts single sends together, each with its own result', async () => {
    const { cluster, producer } = await lingering({ ms: 10 })
    const startMs = cluster.clock.monoMs()
    const sends = ['a', 'b', 'c'].map((body) => producer.send({ topic: 'orders', body, tag: body }))
    assert.equal(producer.pendingCount, 3)
    const results = await cluster.result(Promise.all(sends))
    assert(cluster.clock.monoMs() - startMs >= 10)
    assert.deepEqual(counts(cluster), [0, 1])
    const [request] = cluster.broker('a').requestsOf(SEND_BATCH_MESSAGE)
    const bodies = decodeBatch(request?.body ?? Buffer.alloc(0)).map(({ body }) => body.toString())
    assert.deepEqual(bodies, ['a', 'b', 'c'])
    assert.deepEqual(
      results.map(({ queueOffset }) => queueOffset),
      [0, 1, 2],
    )
    assert.equal(new Set(results.map(({ queue }) => queue.queueId)).size, 1)
    for (const part of ['messageId', 'offsetMessageId'] as const) {
      assert.equal(new Set(results.map((result) => result[part])).size, 3)
      assert(results.every((result) => !result[part].includes(',')))
    }
    await cluster.close()
  })

  it('does not wait for more than it may send at once', async () => {
    const { cluster, producer } = await lingering({ ms: 10_000, countMax: 2, bytesMax: 1000 })
    const startMs = cluster.clock.monoMs()
    const body = 'x'.repeat(600)
    const bodies = ['a', 'b', body, body]
    await cluster.result(Promise.all(bodies.map((text) => producer.send({ topic: 'orders', body: text }))))
    assert(cluster.clock.monoMs() - startMs < 1000)
    assert.deepEqual(counts(cluster), [0, 2])
    await cluster.close()
  })

  it('keeps the queues apart that the program chooses', async () => {
    const { cluster, producer } = await lingering({ ms: 5 })
    const sends = Array.from({ length: 12 }, (_, i) =>
      producer.send({ topic: 'orders', body: String(i) }, { queueIndex: i % 4 }),
    )
    const results = await cluster.result(Promise.all(sends))
    assert.deepEqual(counts(cluster), [0, 4])
    for (const [i, { queue, queueOffset }] of results.entries()) {
      assert.deepEqual([queue.queueId, queueOffset], [i % 4, Math.floor(i / 4)])
    }
    await cluster.close()
  })

  it('sends what cannot be put together by itself', async () => {
    const { cluster, producer } = await lingering({ ms: 10_000 })
    const { signal } = new AbortController()
    await cluster.result(
      Promise.all([
        producer.send({ topic: 'orders', body: 'x', delayLevel: 1 }),
        producer.send({ topic: 'orders', body: 'x'.repeat(5000) }),
        producer.send({ topic: 'orders', body: 'x' }, { signal }),
      ]),
    )
    assert.deepEqual(counts(cluster), [3, 0])
    await cluster.close()
  })

  it('refuses the one that is wrong, and fails all that were refused together', async () => {
    const { cluster, producer } = await lingering({ ms: 5 })
    const good = producer.send({ topic: 'orders', body: 'x' })
    const wrong = producer.send({ topic: 'orders', body: 'x', properties: { TAGS: 'y' } })
    await assert.rejects(cluster.result(wrong), { code: 'invalidParameter' })
    assert.equal((await cluster.result(good)).status, 'SEND_OK')
    cluster.broker('a').intercept.set(SEND_BATCH_MESSAGE, () => ({ code: ResponseCode.MESSAGE_ILLEGAL }))
    const sends = ['a', 'b'].map((body) => producer.send({ topic: 'orders', body }))
    for (const settled of await cluster.result(Promise.allSettled(sends))) {
      assert.equal(settled.status === 'rejected' && settled.reason.code, 'messageIllegal')
    }
    await cluster.close()
  })

  it('sends what waits when it is closed', async () => {
    const { cluster, producer } = await lingering({ ms: 60_000 })
    const sent = producer.send({ topic: 'orders', body: 'x' })
    await cluster.result(producer.close())
    assert.equal((await sent).status, 'SEND_OK')
    await assert.rejects(producer.send({ topic: 'orders', body: 'x' }), { code: 'closed' })
    await cluster.close()
  })
})
