import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { Client } from './client.ts'
import { isRequest } from './reply.ts'
import { TestCluster } from './test-cluster.ts'
import { Shop } from './test-shop.ts'

async function answering(): Promise<{ shop: Shop; asker: Client }> {
  const shop = await Shop.open(2)
  shop.cluster.topic('DefaultCluster_REPLY_TOPIC', 1)
  const producer = shop.client.producer({ group: 'answers' })
  void shop.consumer().run(async (message) => {
    if (isRequest(message))
      await producer.reply(message, { body: `${message.text}!`, properties: { a: 'b' } })
  })
  return { shop, asker: await shop.cluster.client() }
}

describe('request and reply', () => {
  it('brings each reply to the request that it answers', async () => {
    const { shop, asker } = await answering()
    const producer = asker.producer()
    const replies = await shop.cluster.result(
      Promise.all(['x', 'y', 'z'].map((body) => producer.request({ topic: 'orders', body }))),
    )
    assert.deepEqual(
      replies.map(({ text }) => text),
      ['x!', 'y!', 'z!'],
    )
    assert.equal(replies[0]?.properties.get('a'), 'b')
    const [reply] = shop.broker.requestsOf(RequestCode.SEND_REPLY_MESSAGE_V2)
    assert(reply)
    const properties = parseProperties(reply.text('i'))
    assert.equal(reply.text('b'), 'DefaultCluster_REPLY_TOPIC')
    assert.equal(properties.get('MSG_TYPE'), 'reply')
    assert.equal(properties.get('REPLY_TO_CLIENT'), asker.clientId)
    assert.equal(properties.get('TTL'), '3000')
    await shop.cluster.close()
  })

  it('is answered by the context of a handler as well', async () => {
    const shop = await Shop.open(1)
    shop.cluster.topic('DefaultCluster_REPLY_TOPIC', 1)
    let refused: unknown
    void shop.consumer().run(async (message, context) => {
      if (isRequest(message)) await context.reply({ body: `${message.text}?` })
      else await context.reply({ body: 'to nobody' }).catch((error) => (refused = error))
    })
    const asker = await shop.cluster.client()
    const reply = await shop.cluster.result(asker.producer().request({ topic: 'orders', body: 'x' }))
    assert.equal(reply.text, 'x?')
    await shop.cluster.result(asker.producer().send({ topic: 'orders', body: 'y' }))
    await shop.cluster.until(() => refused !== undefined)
    assert.equal((refused as { code?: string }).code, 'invalidParameter')
    await shop.cluster.close()
  })

  it('reads long replies, which are compressed', async () => {
    const { shop, asker } = await answering()
    const body = 'long'.repeat(5000)
    const reply = await shop.cluster.result(asker.producer().request({ topic: 'orders', body }))
    assert.equal(reply.text, `${body}!`)
    await shop.cluster.close()
  })

  it('fails when nobody answers, when the request is not taken, and when its signal says so', async () => {
    const shop = await Shop.open()
    const producer = shop.client.producer()
    const startMs = shop.cluster.clock.monoMs()
    const asked = producer.request({ topic: 'orders', body: 'x' }, { timeoutMs: 2000 })
    await assert.rejects(shop.cluster.result(asked), { code: 'timeout' })
    assert(shop.cluster.clock.monoMs() - startMs >= 2000)

    const refused = producer.request({ topic: '', body: 'x' })
    await assert.rejects(shop.cluster.result(refused), { code: 'invalidParameter' })

    const controller = new AbortController()
    const aborted = producer.request({ topic: 'orders', body: 'x' }, { signal: controller.signal })
    shop.cluster.clock.after(100, () => controller.abort(new Error('no longer wanted')))
    await assert.rejects(shop.cluster.result(aborted), /no longer wanted/)
    await shop.cluster.close()
  })

  it('fails when its client is closed, and leaves nothing with a signal', async () => {
    const { cluster, client } = await Shop.open(1)
    const { signal } = new AbortController()
    const asked = client.producer().request({ topic: 'orders', body: 'x' }, { timeoutMs: 60_000, signal })
    const outcome = asked.catch((error: unknown) => error)
    await cluster.until(() => cluster.broker('a').requestsOf(RequestCode.SEND_MESSAGE_V2).length > 0)
    await cluster.clock.advance(1000)
    const startMs = cluster.clock.monoMs()
    await cluster.close()
    assert.equal(((await cluster.result(outcome)) as { code?: string }).code, 'closed')
    assert.ok(cluster.clock.monoMs() - startMs < 10_000)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('says so when a message asks for no reply, or its sender is gone', async () => {
    const { shop, asker } = await answering()
    const producer = shop.client.producer({ group: 'late' })
    const consumer = shop.consumer({ group: 'late' })
    void asker
      .producer()
      .request({ topic: 'orders', body: 'x' })
      .catch(() => undefined)
    const [message] = await shop.cluster.result(consumer.pull())
    assert(message)
    await shop.cluster.result(asker.close())
    // the broker hears of the end a little later
    await shop.cluster.clock.advance(100)
    await assert.rejects(shop.cluster.result(producer.reply(message, { body: 'y' })), /channel of/)
    await shop.send(1)
    const [other] = await shop.cluster.result(consumer.pull())
    assert(other)
    await assert.rejects(producer.reply(other, { body: 'y' }), { code: 'invalidParameter' })
    await shop.cluster.close()
  })
})

describe('recall', () => {
  it('asks the broker that has the message', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 1)
    const handle = Buffer.from('v1 orders b 1795224000000 ID').toString('base64url')
    cluster.broker('b').intercept.set(RequestCode.RECALL_MESSAGE, () => ({ extFields: { msgId: 'ID' } }))
    const producer = (await cluster.client()).producer({ group: 'shop' })
    assert.equal(await cluster.result(producer.recall('orders', handle)), 'ID')
    const [request] = cluster.broker('b').requestsOf(RequestCode.RECALL_MESSAGE)
    assert.deepEqual({ ...request?.fields }, { producerGroup: 'shop', topic: 'orders', recallHandle: handle })
    await assert.rejects(cluster.result(producer.recall('orders', 'nonsense')), { code: 'invalidParameter' })
    await cluster.close()
  })

  it('takes the handle that the answer to a timed send names', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const extFields = { msgId: '0A0000010000', queueId: '0', queueOffset: '0', recallHandle: 'H' }
    cluster.broker('a').intercept.set(RequestCode.SEND_MESSAGE_V2, () => ({ extFields }))
    const producer = (await cluster.client()).producer()
    const timed = await cluster.result(producer.send({ topic: 'orders', body: 'x', delayMs: 1000 }))
    assert.equal(timed.recallHandle, 'H')
    const plain = await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    assert.equal(plain.recallHandle, undefined)
    await cluster.close()
  })
})
