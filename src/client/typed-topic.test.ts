import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Reject } from './outcomes.ts'
import { Shop } from './test-shop.ts'
import { type Codec, json, type StandardSchema, topic, utf8 } from './typed-topic.ts'

interface Order {
  readonly id: number
}

/** What a library of the Standard Schema makes. */
const orderSchema: StandardSchema<Order> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'number'
        ? { value: { id: value.id } }
        : { issues: [{ message: 'id is no number' }, { message: 'and more' }] },
  },
}

describe('topic', () => {
  it('carries values there and back', async () => {
    const shop = await Shop.open(1)
    const orders = topic('orders', json(orderSchema))
    const sent = shop.client.producer().send(orders.message({ id: 7 }, { tag: 'new', keys: '7' }))
    await shop.cluster.result(sent)
    const seen: unknown[] = []
    void shop.consumer().run(
      orders.handler((order, message, { deliveryCount }) => {
        seen.push([order.id, message.tag, deliveryCount])
      }),
    )
    await shop.cluster.until(() => seen.length === 1)
    assert.deepEqual(seen, [[7, 'new', 1]])
    await shop.cluster.close()
  })

  it('buries what carries no such value, whatever is wrong with it', async () => {
    const shop = await Shop.open(1)
    const orders = topic('orders', json(orderSchema))
    const producer = shop.client.producer()
    for (const body of ['{"id":"7"}', '{'])
      await shop.cluster.result(producer.send({ topic: 'orders', body }))
    const failures: unknown[] = []
    shop.client.on('failed', ({ error, settled }) => {
      assert(error instanceof Reject)
      failures.push([settled, error.message.replace(/^message \w+ of /, '')])
    })
    void shop.consumer({ concurrency: 1 }).run(orders.handler(() => assert.fail('handled')))
    await shop.cluster.until(() => failures.length === 2)
    assert.deepEqual(failures[0], ['rejected', 'orders: id is no number; and more'])
    const [message] = await shop.cluster.result(shop.consumer({ group: 'other' }).pull())
    assert(message)
    await assert.rejects(orders.read(message), { code: 'messageIllegal', retriable: false })
    await shop.cluster.close()
  })

  it('takes codecs of the program, and texts', async () => {
    const shop = await Shop.open(1)
    const numbers: Codec<number> = {
      encode: (value) => Uint8Array.of(value),
      decode: ({ body }) => body.readUInt8(0),
    }
    const producer = shop.client.producer()
    await shop.cluster.result(producer.send(topic('orders', numbers).message(9)))
    await shop.cluster.result(producer.send(topic('orders', utf8).message('text')))
    const [first, second] = await shop.cluster.result(shop.consumer().pull())
    assert(first && second)
    assert.equal(await topic('orders', numbers).read(first), 9)
    assert.equal(await topic('orders', utf8).read(second), 'text')
    await shop.cluster.close()
  })
})
