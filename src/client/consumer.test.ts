import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { languageName } from '../protocol/language.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { ClientError } from './client-error.ts'
import { note, Shop, texts } from './test-shop.ts'

const { PULL_MESSAGE, UPDATE_CONSUMER_OFFSET } = RequestCode

describe('Consumer', () => {
  it('handles every message of all queues once', async () => {
    const shop = await Shop.open()
    await shop.send(100)
    const seen = note(shop.consumer())
    await shop.cluster.until(() => seen.length === 100)
    await shop.send(10)
    await shop.cluster.until(() => seen.length === 110)
    assert.equal(new Set(seen.map(({ messageId }) => messageId)).size, 110)
  })

  it('handles what came between its start and its handler', async () => {
    const shop = await Shop.open(1)
    await shop.send(3)
    const consumer = shop.consumer()
    await shop.cluster.result(consumer.start())
    await shop.cluster.until(() => consumer.unsettledCount === 3)
    const seen = note(consumer)
    await shop.cluster.until(() => seen.length === 3)
    await shop.cluster.close()
  })

  it('hears of a message at once, not at the next poll', async () => {
    const shop = await Shop.open(1)
    const seen = note(shop.consumer())
    await shop.cluster.clock.advance(5000)
    await shop.send(1)
    assert((await shop.cluster.until(() => seen.length === 1)) < 10)
  })

  it('says of itself in heartbeats what brokers need', async () => {
    const shop = await Shop.open()
    const consumer = shop.consumer({ filter: 'a || b' })
    await shop.cluster.result(consumer.start())
    const heartbeat = shop.broker.heartbeats.at(-1)
    assert.equal(heartbeat?.clientID, shop.client.clientId)
    assert.match(shop.client.clientId, /^10\.0\.1\.1@ternmq-[0-9a-f]{12}$/)
    const [data] = heartbeat?.consumers ?? []
    assert.equal(data?.groupName, 'g')
    assert.equal(data?.consumeType, 'CONSUME_PASSIVELY')
    assert.equal(data?.messageModel, 'CLUSTERING')
    assert.equal(data?.consumeFromWhere, 'CONSUME_FROM_FIRST_OFFSET')
    const subscriptions = data?.subscriptionDataSet.map(({ topic, subString }) => `${topic} ${subString}`)
    assert.deepEqual(subscriptions, ['orders a || b', '%RETRY%g *'])
    // every RocketMQ knows this one, and it is not Java
    await shop.send(1)
    const languages = new Set(shop.broker.requests.map(({ language }) => languageName(language)))
    assert.deepEqual([...languages], ['OTHER'])
    const count = shop.broker.heartbeats.length
    await shop.cluster.clock.advance(31_000)
    assert(shop.broker.heartbeats.length > count)
  })

  it('hands on only what its filter names, also where the broker sends more', async () => {
    const shop = await Shop.open(1)
    for (const tag of ['AaAa', 'BBBB', 'c']) await shop.send(3, { tag })
    const consumer = shop.consumer({ filter: 'BBBB' })
    const seen = note(consumer)
    await shop.cluster.until(() => seen.length === 3)
    await shop.cluster.clock.advance(6000)
    assert.deepEqual([...new Set(seen.map(({ tag }) => tag))], ['BBBB'])
    assert.equal(shop.broker.committed('g', 'orders', 0), 9)
  })

  it('begins where it is told to', async () => {
    const froms = [
      ['earliest', 0],
      ['latest', 5],
      [{ getTime: () => 1_795_000_100_000 }, 3],
    ] as const
    for (const [from, expected] of froms) {
      const shop = await Shop.open(1)
      await shop.send(3)
      shop.cluster.clock.setWallMs(1_795_000_100_000)
      await shop.send(2)
      const seen = note(shop.consumer({ from }))
      await shop.cluster.clock.advance(2000)
      await shop.send(1)
      await shop.cluster.clock.advance(2000)
      assert.deepEqual(seen[0]?.queueOffset, expected, String(from))
    }
  })

  it('goes on where its group has committed, whatever it is told', async () => {
    const shop = await Shop.open(1)
    await shop.send(5)
    shop.broker.offsets.set('g orders 0', 3)
    const seen = note(shop.consumer())
    await shop.cluster.until(() => seen.length === 2)
    assert.deepEqual(texts(seen), ['3', '4'])
  })

  it('commits every 5 s what is settled, and the rest when it is closed', async () => {
    const shop = await Shop.open(1)
    await shop.send(10)
    const waiting: (() => void)[] = []
    const consumer = shop.consumer({ concurrency: 100 })
    void consumer.run((message) => {
      if (message.queueOffset !== 4) return undefined
      return new Promise<void>((resolve) => waiting.push(resolve))
    })
    await shop.cluster.until(() => waiting.length === 1)
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), 4)
    waiting[0]?.()
    await shop.cluster.result(consumer.close())
    assert.equal(shop.broker.committed('g', 'orders', 0), 10)
    assert.deepEqual(shop.broker.clientIds('g'), [])
    assert(shop.broker.countOf(UPDATE_CONSUMER_OFFSET) >= 1)
  })

  it('tries again what a broker did not let it commit', async () => {
    const shop = await Shop.open(1)
    await shop.send(3)
    shop.broker.intercept.set(UPDATE_CONSUMER_OFFSET, () => ({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'not now',
    }))
    shop.broker.intercept.set(PULL_MESSAGE, (request) =>
      // commits by pulls are not looked at here
      (request.integer('sysFlag') & 1) === 1 ? { code: ResponseCode.SYSTEM_BUSY } : undefined,
    )
    const consumer = shop.consumer()
    const seen = note(consumer)
    await shop.cluster.until(() => seen.length === 3)
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), undefined)
    await assert.rejects(shop.cluster.result(consumer.commit()), { code: 'refused' })
    shop.broker.intercept.clear()
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), 3)
  })

  it('has no more handlers at work than it may', async () => {
    const shop = await Shop.open(4)
    await shop.send(60)
    let atWork = 0
    let atWorkMax = 0
    let done = 0
    void shop.consumer({ concurrency: 7 }).run(async () => {
      atWorkMax = Math.max(atWorkMax, ++atWork)
      await new Promise<void>((resolve) => shop.cluster.clock.after(5, resolve))
      atWork--
      done++
    })
    await shop.cluster.until(() => done === 60)
    assert.equal(atWorkMax, 7)
  })

  it('stops pulling a queue that is full, and goes on when there is room', async () => {
    const shop = await Shop.open(1)
    await shop.send(200)
    const waiting: (() => void)[] = []
    const consumer = shop.consumer({ concurrency: 1000, flow: { countMax: 64 } })
    void consumer.run(() => new Promise<void>((resolve) => waiting.push(resolve)))
    await shop.cluster.clock.advance(2000)
    assert.equal(waiting.length, 64)
    assert.equal(consumer.unsettledCount, 64)
    for (const resolve of waiting.splice(0, 1)) resolve()
    await shop.cluster.clock.advance(2000)
    assert.equal(consumer.unsettledCount, 63 + 32)
    let done = 1
    while (done < 200) {
      done += waiting.length
      for (const resolve of waiting.splice(0)) resolve()
      await shop.cluster.clock.advance(1000)
    }
    assert.equal(consumer.unsettledCount, 0)
  })

  it('rests while it is paused', async () => {
    const shop = await Shop.open(1)
    const consumer = shop.consumer()
    const seen = note(consumer)
    await shop.cluster.clock.advance(1000)
    consumer.pause()
    await shop.send(5)
    await shop.cluster.clock.advance(60_000)
    assert.equal(seen.length, 0)
    consumer.resume()
    await shop.cluster.until(() => seen.length === 5)
  })

  it('finds a topic that is made later', async () => {
    const shop = await Shop.open(1)
    const consumer = shop.client.consumer({ group: 'late', topic: 'later', from: 'earliest' })
    const seen = note(consumer)
    await shop.cluster.clock.advance(20_000)
    const producer = shop.client.producer()
    await shop.cluster.result(producer.send({ topic: 'later', body: 'x' }))
    assert((await shop.cluster.until(() => seen.length === 1)) < 6000)
  })

  it('takes a further topic while it runs', async () => {
    const shop = await Shop.open(1)
    shop.cluster.topic('more', 1)
    const consumer = shop.consumer()
    const seen = note(consumer)
    await shop.cluster.clock.advance(1000)
    await shop.cluster.result(consumer.subscribe('more', 'x'))
    await shop.cluster.result(shop.client.producer().send({ topic: 'more', body: 'm', tag: 'x' }))
    await shop.cluster.until(() => seen.length === 1)
  })

  it('reads nothing that is damaged, says so, and goes on with the other queues', async () => {
    const shop = await Shop.open(2)
    await shop.send(3, { queueIndex: 0 })
    await shop.send(3, { queueIndex: 1 })
    shop.broker.damage('orders', 0, 1)
    const stalled: string[] = []
    shop.client.on('stalled', ({ queue, error }) => stalled.push(`${queue.queueId} ${error.message}`))
    const seen = note(shop.consumer({ pullBatchMax: 1 }))
    await shop.cluster.clock.advance(3500)
    assert.deepEqual(seen.map(({ queue, text }) => `${queue.queueId} ${text}`).sort(), [
      '0 0',
      '1 0',
      '1 1',
      '1 2',
    ])
    assert(stalled.length >= 3 && stalled.length <= 5)
    assert.match(stalled[0] ?? '', /^0 queue 0 of orders at a: body CRC/)
  })

  it('refuses a second consumer of its group in one client, and options that make no sense', async () => {
    const shop = await Shop.open(1)
    await shop.cluster.result(shop.consumer().start())
    await assert.rejects(shop.cluster.result(shop.consumer().start()), { code: 'invalidParameter' })
    assert.throws(() => shop.consumer({ group: 'a b' }), { code: 'invalidParameter' })
    assert.throws(() => shop.consumer({ topic: 'a/b' }), { code: 'invalidParameter' })
    assert.throws(() => shop.consumer({ filter: '||' }), { code: 'subscriptionParseFailed' })
    assert.throws(() => shop.consumer({ from: Number.NaN }), { code: 'invalidParameter' })
  })
})

describe('Consumer that is closed', () => {
  it('lets handlers at work end, starts no others, and commits what is settled', async () => {
    const shop = await Shop.open(1)
    await shop.send(10)
    const done: number[] = []
    const consumer = shop.consumer({ concurrency: 2 })
    const running = consumer.run(async ({ queueOffset }) => {
      await new Promise<void>((resolve) => shop.cluster.clock.after(1000, resolve))
      done.push(queueOffset)
    })
    await shop.cluster.clock.advance(500)
    await shop.cluster.result(consumer.close())
    await running
    assert.deepEqual(done, [0, 1])
    assert.equal(shop.broker.committed('g', 'orders', 0), 2)
  })

  it('waits no longer than it is told, and leaves what is not done to be delivered again', async () => {
    const shop = await Shop.open(1)
    await shop.send(3)
    let reason: unknown
    const consumer = shop.consumer()
    void consumer.run(({ queueOffset }, { signal }) => {
      if (queueOffset !== 1) return undefined
      signal.addEventListener('abort', () => {
        reason = signal.reason
      })
      return new Promise(() => undefined)
    })
    await shop.cluster.clock.advance(500)
    const startMs = shop.cluster.clock.monoMs()
    await shop.cluster.result(consumer.close({ drainMs: 2000 }))
    assert(shop.cluster.clock.monoMs() - startMs < 2100)
    assert.equal((reason as ClientError).code, 'closed')
    assert.equal(shop.broker.committed('g', 'orders', 0), 1)
  })

  it('is closed by the signal of its run, and with its client; both may be closed twice', async () => {
    const shop = await Shop.open(1)
    const controller = new AbortController()
    const consumer = shop.consumer()
    const running = consumer.run(() => undefined, { signal: controller.signal })
    await shop.cluster.clock.advance(500)
    controller.abort()
    await shop.cluster.result(running)
    await shop.cluster.result(consumer.close())
    const other = shop.consumer()
    const second = other.run(() => undefined)
    await shop.cluster.result(shop.client.close())
    await shop.cluster.result(shop.client.close())
    await second
    await assert.rejects(other.start(), { code: 'closed' })
  })

  it('leaves no timer of its own', async () => {
    const shop = await Shop.open(4)
    const before = shop.cluster.clock.timerCount
    const client = await shop.cluster.client()
    const seen = note(shop.consumer({}, client))
    await shop.send(20)
    await shop.cluster.until(() => seen.length === 20)
    await shop.cluster.result(client.close())
    await shop.cluster.clock.advance(40_000)
    assert(shop.cluster.clock.timerCount <= before + 1)
  })

  it('may be closed before it has begun', async () => {
    const shop = await Shop.open(1)
    await shop.cluster.result(shop.consumer().close())
    assert.equal(shop.broker.heartbeats.length, 0)
  })
})
