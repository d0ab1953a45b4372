import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReceivedMessage } from '#ternmq/client/index.ts'
import { TestSystem, until } from './test-system.ts'

/** Delays so short that tests do not wait for them; a level is a level whatever its delay. */
const AT_ONCE = { messageDelayLevel: '0s 0s 0s 0s 0s 0s 0s 0s' }

describe('a message that a consumer cannot handle', () => {
  it('comes again as often as the consumer allows, and then lies among the dead letters', async (t) => {
    const system = await TestSystem.start(t, { settings: AT_ONCE })
    const client = await system.client()
    const { messageId } = await client.producer().send({ topic: 'orders', body: 'bad', tag: 'A', keys: 'k' })
    const tries: ReceivedMessage[] = []
    const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest', retriesMax: 3 })
    void consumer.run((message) => {
      tries.push(message)
      throw new Error('it cannot be handled')
    })
    const letters: ReceivedMessage[] = []
    await until(() => system.broker?.topics.get('%DLQ%billing') !== undefined)
    const reader = client.consumer({ group: 'undertaker', topic: '%DLQ%billing', from: 'earliest' })
    void reader.run((message) => {
      letters.push(message)
    })
    await until(() => letters.length > 0)
    assert.deepEqual(
      tries.map(({ reconsumeTimes }) => reconsumeTimes),
      [0, 1, 2, 3],
    )
    for (const { body, keys, tag, topic, messageId: id } of tries) {
      assert.deepEqual([topic, id, body.toString(), tag, keys], ['orders', messageId, 'bad', 'A', ['k']])
    }
    assert.equal(letters.length, 1)
    const properties = letters[0]?.properties
    assert.deepEqual(
      ['RETRY_TOPIC', 'DLQ_ORIGIN_TOPIC', 'DLQ_ORIGIN_MESSAGE_ID'].map((name) => properties?.get(name)),
      ['orders', 'orders', messageId],
    )
    assert.equal(properties?.get('ORIGIN_MESSAGE_ID'), tries[0]?.offsetMessageId)
  })

  it('is handled in the end, when the group is itself again, also after a restart of the broker', async (t) => {
    const system = await TestSystem.start(t, { settings: { messageDelayLevel: '0s 0s 1s 1s 1s' } })
    const client = await system.client()
    const producer = client.producer()
    const handled = new Map<string, number>()
    let isBroken = true
    const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' })
    void consumer.run((message) => {
      const body = message.body.toString()
      if (isBroken) throw new Error('the database is down')
      handled.set(body, (handled.get(body) ?? 0) + 1)
    })
    const bodies = Array.from({ length: 50 }, (_, i) => `m${i}`)
    await Promise.all(bodies.map((body) => producer.send({ topic: 'orders', body })))
    const backs = (): number =>
      system.broker?.stats.find('SNDBCK_PUT_NUMS', 'orders@billing')?.statsMinute.sum ?? 0
    await until(() => backs() >= 50)
    await system.stopBroker()
    await system.startBroker()
    isBroken = false
    await until(() => handled.size === 50)
    assert.equal(system.broker?.topics.get('%DLQ%billing'), undefined)
  })
})
