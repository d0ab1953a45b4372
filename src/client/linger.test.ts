import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBatch } from '../protocol/message-batch.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { LingerOptions } from './linger.ts'
import type { Producer } from './producer.ts'
import type { SendResult } from './send-result.ts'
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
  it('ends after it has refused messages for a queue of their own', async () => {
    const { cluster, producer } = await lingering({ ms: 10 })
    const tooLong = { topic: 'orders', body: Buffer.alloc(5 * 1024 * 1024) }
    await assert.rejects(producer.send(tooLong, { queueIndex: 1 }), { code: 'messageIllegal' })
    const nowhere = { select: () => undefined as never }
    for (const body of ['x', 'x'.repeat(5000)])
      await assert.rejects(cluster.result(producer.send({ topic: 'orders', body }, nowhere)), {
        code: 'topicNotExist',
      })
    await cluster.result(producer.close(), 1000)
    await cluster.close()
  })

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

  it('keeps the order of what goes to a queue that the program chooses', async () => {
    const { cluster, producer } = await lingering({ ms: 5, countMax: 3 })
    const broker = cluster.broker('a')
    let underWay = 0
    let underWayMax = 0
    for (const code of [SEND_MESSAGE_V2, SEND_BATCH_MESSAGE]) {
      broker.intercept.set(code, async (request) => {
        underWayMax = Math.max(underWayMax, ++underWay)
        await new Promise((resolve) => void cluster.clock.after(400, () => resolve(undefined)))
        underWay--
        return broker.answer(request)
      })
    }
    const { signal } = new AbortController()
    const sends: Promise<SendResult>[] = []
    for (let i = 0; i < 20; i++) {
      const body = i === 7 ? `7${'x'.repeat(5000)}` : String(i)
      const options = {
        hashKey: 'order-1',
        ...(i === 11 && { signal }),
        ...(i === 14 && { timeoutMs: 9000 }),
      }
      sends.push(producer.send({ topic: 'orders', body }, options))
      if (i % 6 === 0) await cluster.clock.advance(3)
    }
    await cluster.result(Promise.allSettled(sends))
    const results = await Promise.all(sends)
    assert.deepEqual(
      results.map(({ queueOffset }) => queueOffset),
      [...Array(20).keys()],
    )
    assert.equal(underWayMax, 1)
    assert.equal(producer.pendingCount, 0)
    await cluster.close()
  })

  it('keeps it also while the queues are still to be found out, and closes when all is sent', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 4)
    const producer = (await cluster.client()).producer({ linger: { ms: 50, countMax: 2 } })
    const sends = ['a', 'b', 'c', 'd', 'e'].map((body) =>
      producer.send({ topic: 'orders', body }, { hashKey: 'k' }),
    )
    const late = sends[0]?.then(() => producer.send({ topic: 'orders', body: 'f' }, { hashKey: 'k' }))
    await cluster.result(Promise.all([...sends, late]))
    const offsets = (await Promise.all(sends)).map(({ queueOffset }) => queueOffset)
    assert.deepEqual([...offsets, (await late)?.queueOffset], [0, 1, 2, 3, 4, 5])
    const last = ['g', 'h', 'i'].map((body) => producer.send({ topic: 'orders', body }, { hashKey: 'k' }))
    await cluster.result(producer.close())
    assert.deepEqual(
      (await Promise.all(last)).map(({ queueOffset }) => queueOffset),
      [6, 7, 8],
    )

    const hasty = (await cluster.client()).producer({ linger: { ms: 60_000 } })
    const sent = hasty.send({ topic: 'orders', body: 'j' }, { hashKey: 'k' })
    await cluster.result(hasty.close())
    assert.equal((await sent).queueOffset, 9)
    await cluster.close()
  })

  it('lets one go whose signal aborts before its turn', async () => {
    const { cluster, producer } = await lingering({ ms: 5 })
    const broker = cluster.broker('a')
    broker.intercept.set(SEND_MESSAGE_V2, () => new Promise<never>(() => undefined))
    const stuck = producer.send({ topic: 'orders', body: 'a' }, { hashKey: 'k', timeoutMs: 2000 })
    await cluster.clock.advance(10)
    const controller = new AbortController()
    const { signal } = controller
    const aborted = producer.send({ topic: 'orders', body: 'b' }, { hashKey: 'k', signal })
    controller.abort(new Error('changed my mind'))
    await assert.rejects(cluster.result(aborted), /changed my mind/)
    await assert.rejects(cluster.result(stuck), { code: 'timeout' })
    await cluster.close()
  })
})
