import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Message, ReceivedMessage, SendOptions } from '#ternmq/client/index.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

describe('sending and consuming', () => {
  it('carries messages of every kind, unchanged', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    const topic = 'kinds'
    const sent = new Map<string, Message>()
    const send = async (message: Omit<Message, 'topic'>, options?: SendOptions): Promise<void> => {
      const whole = { topic, ...message }
      const { messageId, status } = await producer.send(whole, options)
      assert.equal(status, 'SEND_OK')
      sent.set(messageId, whole)
    }
    await send({
      body: 'plain',
      tag: 'täg',
      keys: 'ключ 鍵',
      properties: { emoji: '🚀', 'a b': 'c=d;e' },
      flag: -3,
    })
    await send({ body: '\u0000\u0001\u0002' })
    await send({ body: 'x'.repeat(100_000), tag: 'compressed' })
    for (const bytes of [1, 1024, 65_535, 65_536, 1_000_000, 4 * 1024 * 1024])
      await send({ body: randomBytes(bytes) })
    for (const hashKey of ['a', 'b', 'c', 'd']) await send({ body: hashKey }, { hashKey })
    await send({ body: 'chosen' }, { queueIndex: 3 })
    await send({ body: 'own rule' }, { select: (queues) => queues.at(-1) ?? assert.fail() })
    const batch = Array.from({ length: 20 }, (_, i) => ({
      topic,
      body: `of a batch ${i}`,
      tag: `t${i}`,
      keys: [`k${i}`],
    }))
    const { messageIds, offsetMessageIds, queueOffset } = await producer.sendBatch(batch)
    assert.equal(new Set(offsetMessageIds).size, 20)
    for (const [index, id] of messageIds.entries()) sent.set(id, batch[index] as Message)
    await producer.sendOneway({ topic, body: 'oneway' })

    const got = new Map<string, ReceivedMessage>()
    const consumer = client.consumer({ group: 'g', topic, from: 'earliest' })
    void consumer.run((message) => {
      got.set(message.messageId, message)
    })
    await until(() => got.size === sent.size + 1)
    for (const [id, { body, tag, keys = [], properties = {}, flag = 0 }] of sent) {
      const message = got.get(id)
      assert.deepEqual(message?.body, Buffer.from(body as string))
      assert.equal(message?.tag, tag)
      assert.deepEqual(message?.keys, typeof keys === 'string' ? keys.split(' ') : keys)
      assert.equal(message?.flag, flag)
      for (const [name, value] of Object.entries(properties))
        assert.equal(message?.properties.get(name), value)
    }
    const ofBatch = messageIds.map((id) => got.get(id)?.queueOffset ?? -1)
    assert.deepEqual(
      ofBatch,
      Array.from({ length: 20 }, (_, i) => queueOffset + i),
    )
  })

  it('answers a thousand sends under way on one connection, each with its own place', async (t) => {
    const system = await TestSystem.start(t)
    const producer = (await system.client()).producer()
    const sends = Array.from({ length: 5000 }, (_, i) => producer.send({ topic: 'many', body: `m${i}` }))
    const results = await Promise.all(sends)
    const places = new Set(results.map(({ queue, queueOffset }) => `${queue.queueId} ${queueOffset}`))
    assert.equal(places.size, 5000)
    assert.equal(new Set(results.map(({ messageId }) => messageId)).size, 5000)
  })

  it('filters by tags, also where their hashes collide', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    for (const tag of ['AaAa', 'BBBB', 'c', 'd']) {
      for (let i = 0; i < 10; i++) await producer.send({ topic: 'tags', body: tag, tag })
    }
    const seen: string[] = []
    void client
      .consumer({ group: 'g', topic: 'tags', from: 'earliest', filter: 'BBBB || c' })
      .run(({ text }) => {
        seen.push(text)
      })
    await until(() => seen.length === 20)
    await producer.send({ topic: 'tags', body: 'last', tag: 'c' })
    await until(() => seen.includes('last'))
    assert.equal(seen.length, 21)
    assert(!seen.includes('AaAa') && !seen.includes('d'))
  })

  it('hands messages out one by one, by pulls and from any place', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    const topic = 'pulled'
    for (let i = 0; i < 40; i++) await producer.send({ topic, body: String(i) }, { queueIndex: i % 4 })
    await untilTopic(client, topic)

    const iterated = client.consumer({ group: 'iterated', topic, from: 'earliest' })
    const seen: string[] = []
    for await (const message of iterated) {
      seen.push(message.text)
      if (seen.length < 40) continue
      iterated.ack(message)
      break
    }
    assert.equal(new Set(seen).size, 40)
    await iterated.close()

    const pulled = client.consumer({ group: 'iterated', topic, from: 'earliest' })
    assert.deepEqual(await pulled.pull({ waitMs: 50 }), [])
    await producer.send({ topic, body: 'new' }, { queueIndex: 3 })
    assert.deepEqual(
      (await pulled.pull({ waitMs: 10_000 })).map(({ text }) => text),
      ['new'],
    )

    const lite = client.litePull({ group: 'lite', from: 'earliest', autoCommit: false })
    const [first, second] = await lite.queuesOf(topic)
    assert(first && second)
    await lite.assign([first])
    const ofFirst = await pullCount(lite, 10)
    assert.deepEqual(
      ofFirst.map(({ text }) => text),
      Array.from({ length: 10 }, (_, i) => String(4 * i)),
    )
    await lite.seek(first, 7)
    assert.deepEqual(
      (await pullCount(lite, 3)).map(({ queueOffset }) => queueOffset),
      [7, 8, 9],
    )
    await lite.commit()
    assert.equal(await lite.committed(first), await client.admin.maxOffset(first))
    assert.equal(await lite.committed(second), undefined)
  })

  it('begins at the end, the beginning or a time', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    const topic = 'times'
    for (let i = 0; i < 3; i++) await producer.send({ topic, body: `old ${i}` }, { queueIndex: 0 })
    await untilTopic(client, topic)
    const queue = { topic, brokerName: 'broker-a', queueId: 0 }
    const beforeMs = Date.now() + 1
    await until(() => Date.now() > beforeMs + 5)
    await producer.send({ topic, body: 'new' }, { queueIndex: 0 })
    assert.equal(await client.admin.searchOffset(queue, beforeMs), 3)
    assert.equal(await client.admin.searchOffset(queue, 0), 0)
    assert.equal(await client.admin.searchOffset(queue, Date.now() + 100_000), 4)
    assert.equal(await client.admin.minOffset(queue), 0)
    assert.equal(await client.admin.committedOffset('nobody', { ...queue, queueId: 1 }), undefined)
  })

  it('delivers again what a handler throws for', async (t) => {
    const { Retry } = await import('#ternmq/client/index.ts')
    const system = await TestSystem.start(t)
    const client = await system.client()
    await client.producer().send({ topic: 'retried', body: 'x' })
    const counts: number[] = []
    void client
      .consumer({ group: 'g', topic: 'retried', from: 'earliest' })
      .run(async (_, { deliveryCount }) => {
        counts.push(deliveryCount)
        if (counts.length < 3) throw new Retry({ ms: 20 })
      })
    await until(() => counts.length === 3)
    assert.deepEqual(counts, [1, 2, 3])
  })
})

async function pullCount(
  consumer: { pull(options: { waitMs: number }): Promise<ReceivedMessage[]> },
  count: number,
): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = []
  while (messages.length < count) {
    const pulled = await consumer.pull({ waitMs: 10_000 })
    if (pulled.length === 0) assert.fail(`${messages.length} of ${count} messages came`)
    messages.push(...pulled)
  }
  return messages
}
