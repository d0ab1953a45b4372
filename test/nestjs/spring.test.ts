import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Injectable } from '@nestjs/common'
import { type Client, type Producer, utf8 } from '#ternmq/client/index.ts'
import {
  clientToken,
  Payload,
  producerToken,
  type RocketContext,
  RocketListener,
  RocketReply,
} from '#ternmq/nestjs/index.ts'
import { createTestBroker } from '#ternmq/testing/index.ts'
import { startApp, until } from './test-app.ts'

const orders = (body: string, rest: object = {}) => ({ topic: 'orders', body, ...rest })

/** What rocketmq-spring's template and annotation do, in the names of this module (docs/nestjs.md has the table). */
describe('beside RocketMQTemplate', () => {
  it('sends: one, a batch, oneway, by hash key, by a selector', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const app = await startApp(broker, [])
    const producer = app.get<Producer>(producerToken())
    const sent = await producer.send(orders('one', { tag: 'new' }), { timeoutMs: 10_000 })
    assert.equal(sent.status, 'SEND_OK')
    const batch = await producer.sendBatch([orders('b1'), orders('b2')])
    assert.equal(batch.messageIds.length, 2)
    await producer.sendOneway(orders('oneway'))
    const keyed = await Promise.all(['k', 'k'].map((hashKey) => producer.send(orders('keyed'), { hashKey })))
    assert.equal(new Set(keyed.map(({ queue }) => queue.queueId)).size, 1)
    const chosen = await producer.send(orders('chosen'), { select: (queues) => queues.at(-1) ?? never() })
    assert.equal(chosen.queue.queueId, 3)
    await broker.waitFor('orders', { count: 7 })
    await app.close()
  })

  it('delays: by level, by time, to a time', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const app = await startApp(broker, [])
    const producer = app.get<Producer>(producerToken())
    await producer.send(orders('level', { delayLevel: 5 }))
    await producer.send(orders('for a time', { delayMs: 90_000 }))
    await producer.send(orders('to a time', { deliverAtMs: broker.nowMs + 120_000 }))
    const bodies = (): string[] => broker.messages('orders').map(({ text }) => text)
    for (const expected of [['level'], ['level', 'for a time'], ['level', 'for a time', 'to a time']]) {
      while (bodies().length < expected.length) await broker.advance('10s')
      assert.deepEqual(bodies(), expected)
    }
    await app.close()
  })

  it('asks, and receives what it asks for', async () => {
    await using broker = await createTestBroker({ topics: ['orders', 'prices'] })

    @Injectable()
    class Prices {
      @RocketReply({ topic: 'prices', group: 'prices' })
      price(@Payload() apples: number): number {
        return apples * 12
      }

      @RocketListener({ topic: 'prices', group: 'by-hand', from: 'earliest' })
      async byHand(_payload: number, context: RocketContext): Promise<void> {
        if (context.message.tag === 'by hand') await context.reply({ body: 'by hand' })
      }
    }

    const app = await startApp(broker, [Prices])
    const producer = app.get<Producer>(producerToken())
    const reply = await producer.request({ topic: 'prices', body: '3' }, { timeoutMs: 10_000 })
    assert.equal(reply.text, '36')
    await producer.send(orders('a'))
    const consumer = app.get<Client>(clientToken()).litePull({ group: 'receivers', from: 'earliest' })
    await consumer.subscribe('orders')
    const [message] = await consumer.pull({ max: 1, waitMs: 10_000 })
    assert.equal(message?.text, 'a')
    await app.close()
  })

  it('has the options of producers and connections', async () => {
    await using broker = await createTestBroker({
      topics: ['orders'],
      settings: { traceTopicEnable: true },
    })
    const options = {
      ...{
        producer: { group: 'shop', compressBytesMin: 100, bodyBytesMax: 1000, timeoutMs: 5000, retries: 1 },
      },
      ...{ instanceName: 'mine', trace: true },
    }
    const app = await startApp(broker, [], options)
    const producer = app.get<Producer>(producerToken())
    assert.equal(producer.group, 'shop')
    assert.match(app.get<Client>(clientToken()).clientId, /@mine$/)
    await producer.send(orders('a'.repeat(500)))
    await assert.rejects(producer.send(orders('a'.repeat(1001))), { code: 'messageIllegal' })
    const [message] = broker.messages('orders')
    assert.deepEqual([message?.text.length, message?.sysFlag], [500, 0x301])
    await broker.waitFor('RMQ_SYS_TRACE_TOPIC', { count: 1 })
    await app.close()
  })
})

describe('beside @RocketMQMessageListener', () => {
  it('takes topics, codec, concurrency, and a time to begin at', async () => {
    await using broker = await createTestBroker({ topics: ['orders', 'returns'] })
    const seen: string[] = []
    let atWork = 0
    let atWorkMax = 0

    @Injectable()
    class Both {
      @RocketListener({
        ...{ topic: ['orders', 'returns'], group: 'both', from: 'earliest' },
        ...{ codec: utf8, concurrency: 2, pullBatchMax: 4, flow: { countMax: 8 } },
      })
      async handle(text: string): Promise<void> {
        atWorkMax = Math.max(atWorkMax, ++atWork)
        await new Promise((resolve) => setImmediate(resolve))
        atWork--
        seen.push(text)
      }

      // nobody has been here before: a broadcasting listener begins at the time
      @RocketListener({
        ...{ topic: 'orders', group: 'late', mode: 'broadcast', from: new Date(broker.nowMs + 3_600_000) },
        codec: utf8,
      })
      late(text: string): void {
        seen.push(`late ${text}`)
      }
    }

    const sender = (await broker.connect()).producer()
    for (let i = 0; i < 10; i++) await sender.send({ topic: i % 2 ? 'orders' : 'returns', body: String(i) })
    const app = await startApp(broker, [Both])
    await until(() => seen.length === 10)
    assert.deepEqual(
      seen.toSorted(),
      Array.from({ length: 10 }, (_, i) => String(i)),
    )
    assert.equal(atWorkMax, 2)
    await app.close()
  })

  it('suspends an ordered queue, and buries after so many tries', async () => {
    await using broker = await createTestBroker({ topics: [] })
    await broker.createTopic('orders', 1)
    const seen: string[] = []

    @Injectable()
    class Ordered {
      @RocketListener({
        ...{ topic: 'orders', group: 'shop', from: 'earliest', codec: utf8 },
        ...{ ordered: true, suspendMs: 10, retriesMax: 2 },
      })
      handle(text: string): void {
        seen.push(text)
        if (text === 'bad') throw new Error('never')
      }
    }

    const app = await startApp(broker, [Ordered])
    const producer = app.get<Producer>(producerToken())
    for (const body of ['first', 'bad', 'last']) await producer.send(orders(body))
    await until(() => seen.at(-1) === 'last')
    assert.deepEqual(seen, ['first', 'bad', 'bad', 'bad', 'last'])
    assert.deepEqual(
      (await broker.waitFor('%DLQ%shop')).map(({ text }) => text),
      ['bad'],
    )
    await app.close()
  })

  it('gives every instance all messages when it broadcasts', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const seen: string[] = []

    @Injectable()
    class Caches {
      @RocketListener({ topic: 'orders', group: 'caches', mode: 'broadcast', codec: utf8, from: 'earliest' })
      refresh(text: string): void {
        seen.push(text)
      }
    }

    const apps = [await startApp(broker, [Caches]), await startApp(broker, [Caches])]
    await apps[0]?.get<Producer>(producerToken()).send(orders('a'))
    await until(() => seen.length === 2)
    assert.deepEqual(seen, ['a', 'a'])
    await Promise.all(apps.map((app) => app.close()))
  })

  it('aborts a listener that takes too long', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const reasons: unknown[] = []

    @Injectable()
    class Slow {
      @RocketListener({ topic: 'orders', group: 'slow', from: 'earliest', codec: utf8, handlerTimeoutMs: 30 })
      async handle(_text: string, { signal, deliveryCount }: RocketContext): Promise<void> {
        if (deliveryCount > 1) return
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reasons.push(signal.reason)
      }
    }

    const app = await startApp(broker, [Slow])
    await app.get<Producer>(producerToken()).send(orders('a'))
    await until(() => reasons.length === 1)
    assert.equal((reasons[0] as { code?: string }).code, 'timeout')
    await app.close()
  })
})

function never(): never {
  throw new Error('a topic has queues')
}
