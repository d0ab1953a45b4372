import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Message } from '#ternmq/client/index.ts'
import { TestSystem, untilTopic } from './test-system.ts'

describe('messages with a key that says they are the same', () => {
  it('are stored once, with one answer, through a restart of the broker', async (t) => {
    const system = await TestSystem.start(t, { onDisk: true, settings: { dedupWindowMs: '600000' } })
    const client = await system.client()
    await client.admin.createTopic({ topic: 'orders', queueCount: 4 })
    await untilTopic(client, 'orders')
    const producer = client.producer()
    const send = (body: string): ReturnType<typeof producer.send> =>
      producer.send({ topic: 'orders', body, properties: { TERN_DEDUP_KEY: 'order-7' } })
    const first = await send('a book')
    const answers = await Promise.all([send('again'), send('and again')])
    await system.stopBroker()
    await system.startBroker()
    answers.push(await send('after the restart'))
    for (const { offsetMessageId, queue, queueOffset } of answers) {
      assert.equal(offsetMessageId, first.offsetMessageId)
      assert.equal(queueOffset, first.queueOffset)
      assert.equal(queue.queueId, first.queue.queueId)
    }
    const queues = await client.admin.queues('orders')
    const ends = await Promise.all(queues.map((queue) => client.admin.maxOffset(queue)))
    assert.equal(
      ends.reduce((sum, end) => sum + end),
      1,
    )
  })

  it('are stored once in batches too, message by message', async (t) => {
    const system = await TestSystem.start(t, { settings: { dedupWindowMs: '600000' } })
    const client = await system.client()
    await client.admin.createTopic({ topic: 'orders', queueCount: 1 })
    await untilTopic(client, 'orders')
    const producer = client.producer()
    const keyed = (key: string): Message => ({
      topic: 'orders',
      body: key,
      properties: { TERN_DEDUP_KEY: key },
    })
    const single = await producer.send(keyed('a'))
    const batch = [keyed('a'), keyed('b'), { topic: 'orders', body: 'none' }, keyed('b'), keyed('c')]
    const [first, again] = await Promise.all([producer.sendBatch(batch), producer.sendBatch(batch)])
    const ids = first.offsetMessageIds
    assert.deepEqual([ids[0], ids[3], first.queueOffset], [single.offsetMessageId, ids[1], 0])
    assert.equal(new Set(ids).size, 4)
    const repeated = [0, 1, 3, 4].map((index) => again.offsetMessageIds[index])
    assert.deepEqual(
      repeated,
      [0, 1, 3, 4].map((index) => ids[index]),
    )
    const [queue] = await client.admin.queues('orders')
    // a, b, c, and twice the one without a key
    assert.equal(queue && (await client.admin.maxOffset(queue)), 5)
  })
})
