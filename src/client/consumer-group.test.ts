import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allocateByCircle } from '../protocol/allocate-queues.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { encodeOffsetTable } from '../protocol/offset-table.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { Client } from './client.ts'
import type { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import type { ReceivedMessage } from './received-message.ts'
import { note, Shop, texts } from './test-shop.ts'

describe('Consumers of one group', () => {
  async function three(
    shop: Shop,
    options: Partial<ConsumerOptions> = {},
  ): Promise<[Client[], Consumer[], ReceivedMessage[][]]> {
    const clients = [shop.client, await shop.cluster.client(), await shop.cluster.client()]
    const consumers = clients.map((client) => shop.consumer(options, client))
    return [clients, consumers, consumers.map(note)]
  }

  const ofTopic = (queues: readonly MessageQueue[]) => queues.filter(({ topic }) => topic === 'orders')
  const shares = (consumers: readonly Consumer[]) => consumers.map(({ queues }) => ofTopic(queues).length)

  it('share the queues out as soon as one joins, and take over from one that leaves', async () => {
    const shop = await Shop.open(8)
    const [, consumers, seen] = await three(shop)
    assert((await shop.cluster.until(() => shares(consumers).sort().join() === '2,3,3')) < 2000)
    await shop.send(80)
    await shop.cluster.until(() => seen.flat().length === 80)
    assert(seen.every((each) => each.length >= 20))
    await shop.cluster.result(consumers[0]?.close() ?? Promise.resolve())
    assert((await shop.cluster.until(() => shares(consumers).join() === '0,4,4')) < 2000)
    await shop.send(80)
    await shop.cluster.until(() => new Set(seen.flat().map(({ messageId }) => messageId)).size === 160)
  })

  it('take over from one whose machine dies', async () => {
    const shop = await Shop.open(6)
    const [, consumers, seen] = await three(shop)
    await shop.cluster.until(() => shares(consumers).join() === '2,2,2')
    shop.cluster.network.kill('10.0.1.3')
    await shop.cluster.until(() => shares(consumers.slice(0, 2)).join() === '3,3')
    await shop.send(60)
    await shop.cluster.until(() => seen.slice(0, 2).flat().length === 60)
  })

  it('follow the strategy that they are given', async () => {
    const shop = await Shop.open(6)
    const [clients, consumers] = await three(shop, { strategy: allocateByCircle })
    await shop.cluster.until(() => shares(consumers).join() === '2,2,2')
    const order = clients.map(({ clientId }) => clientId).sort()
    for (const [index, consumer] of consumers.entries()) {
      const place = order.indexOf(clients[index]?.clientId ?? '')
      assert.deepEqual(
        ofTopic(consumer.queues)
          .map(({ queueId }) => queueId)
          .sort(),
        [place, place + 3],
      )
    }
  })

  it('find out by themselves every 20 s when nobody tells them', async () => {
    const shop = await Shop.open(4)
    const consumer = shop.consumer()
    await shop.cluster.result(consumer.start())
    assert.equal(shares([consumer])[0], 4)
    shop.cluster.topic('orders', 6)
    assert((await shop.cluster.until(() => shares([consumer])[0] === 6, 60_000)) < 52_000)
  })

  it('keep their queues while a broker does not know them', async () => {
    const shop = await Shop.open(4)
    const consumer = shop.consumer()
    await shop.cluster.result(consumer.start())
    shop.broker.intercept.set(RequestCode.GET_CONSUMER_LIST_BY_GROUP, () => ({
      code: ResponseCode.SYSTEM_ERROR,
    }))
    await shop.cluster.clock.advance(60_000)
    assert.equal(shares([consumer])[0], 4)
  })

  it('do not begin a queue whose offset cannot be found out', async () => {
    const shop = await Shop.open(1)
    await shop.send(3)
    shop.broker.offsets.set('g orders 0', 2)
    shop.broker.intercept.set(RequestCode.QUERY_CONSUMER_OFFSET, () => ({
      code: ResponseCode.SYSTEM_BUSY,
      remark: 'wait',
    }))
    const seen = note(shop.consumer())
    await shop.cluster.clock.advance(10_000)
    assert.equal(seen.length, 0)
    shop.broker.intercept.clear()
    await shop.cluster.until(() => seen.length === 1)
    assert.deepEqual(texts(seen), ['2'])
  })

  it('go on at the offsets that an operator sets', async () => {
    const shop = await Shop.open(1)
    await shop.send(10)
    const seen = note(shop.consumer())
    await shop.cluster.until(() => seen.length === 10)
    const queue = { topic: 'orders', brokerName: 'a', queueId: 0 }
    const extFields = { topic: 'orders', group: 'g', timestamp: '0', isForce: 'true' }
    const body = encodeOffsetTable(new Map([[queue, 4]]))
    shop.broker.push('g', RequestCode.RESET_CONSUMER_CLIENT_OFFSET, { extFields, body })
    await shop.cluster.until(() => seen.length === 16)
    assert.deepEqual(texts(seen.slice(10)), ['4', '5', '6', '7', '8', '9'])
  })

  it('go on where the queue begins when their offset is no longer there', async () => {
    const shop = await Shop.open(1)
    await shop.send(10)
    shop.broker.expire('orders', 0, 6)
    shop.broker.offsets.set('g orders 0', 2)
    const seen = note(shop.consumer())
    await shop.cluster.until(() => seen.length === 4)
    assert.deepEqual(texts(seen), ['6', '7', '8', '9'])
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), 10)
  })
})
