import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
})
