import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestSystem, until } from './test-system.ts'

describe('messages with a time of their own', () => {
  it('come then and not before, and not at all when they were recalled', async (t) => {
    const system = await TestSystem.start(t, { settings: { recallMessageEnable: 'true' } })
    const client = await system.client()
    const producer = client.producer()
    const deliverAtMs = Date.now() + 2200
    const send = (body: string): ReturnType<typeof producer.send> =>
      producer.send({ topic: 'orders', body, deliverAtMs })
    const [, recalled] = await Promise.all([send('a'), send('b'), send('c')])
    const got: { body: string; lateMs: number }[] = []
    const consumer = client.consumer({ group: 'g', topic: 'orders', from: 'earliest' })
    void consumer.run((message) => {
      const dueMs = Number(message.properties.get('TIMER_DELIVER_MS'))
      got.push({ body: message.body.toString(), lateMs: message.storedMs - dueMs })
    })
    assert.ok(recalled?.recallHandle)
    assert.equal(await producer.recall('orders', recalled.recallHandle), recalled.messageId)
    await until(() => got.length === 2)
    assert.deepEqual(got.map(({ body }) => body).sort(), ['a', 'c'])
    for (const { lateMs } of got) assert.ok(lateMs >= 0 && lateMs < 5000, `${lateMs} ms late`)
  })
})
