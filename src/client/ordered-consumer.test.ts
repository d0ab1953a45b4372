import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { Client } from './client.ts'
import type { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { Reject, Retry } from './outcomes.ts'
import { TestCluster } from './test-cluster.ts'

const { LOCK_BATCH_MQ, CONSUMER_SEND_MSG_BACK } = RequestCode

async function open(queueCount: number): Promise<{ cluster: TestCluster; client: Client }> {
  const cluster = await TestCluster.of('a')
  cluster.topic('orders', queueCount)
  return { cluster, client: await cluster.client() }
}

function ordered(client: Client, options: Partial<ConsumerOptions> = {}): Consumer {
  return client.consumer({ group: 'g', topic: 'orders', from: 'earliest', ordered: true, ...options })
}

async function send(cluster: TestCluster, client: Client, count: number, queueCount: number): Promise<void> {
  const producer = client.producer()
  for (let i = 0; i < count; i++) {
    const body = `${i % queueCount}:${Math.floor(i / queueCount)}`
    await cluster.result(producer.send({ topic: 'orders', body }, { queueIndex: i % queueCount }))
  }
}

const pause = (cluster: TestCluster, delayMs: number): Promise<void> =>
  new Promise((resolve) => cluster.clock.after(delayMs, resolve))

describe('Consumer in order', () => {
  it('handles the messages of a queue one after the other, queues side by side', async () => {
    const { cluster, client } = await open(4)
    await send(cluster, client, 80, 4)
    const seen = new Map<number, string[]>()
    const busy = new Set<number>()
    let busyMax = 0
    let count = 0
    void ordered(client).run(async ({ queue, text }) => {
      assert(!busy.has(queue.queueId))
      busy.add(queue.queueId)
      busyMax = Math.max(busyMax, busy.size)
      await pause(cluster, 3 + queue.queueId)
      busy.delete(queue.queueId)
      seen.set(queue.queueId, [...(seen.get(queue.queueId) ?? []), text])
      count++
    })
    await cluster.until(() => count === 80)
    assert.equal(busyMax, 4)
    for (const [queueId, texts] of seen) {
      assert.deepEqual(
        texts,
        Array.from({ length: 20 }, (_, i) => `${queueId}:${i}`),
      )
    }
  })

  it('suspends a queue whose handler fails and tries the same message again', async () => {
    const { cluster, client } = await open(2)
    await send(cluster, client, 8, 2)
    const seen: string[] = []
    const atMs: number[] = []
    void ordered(client).run(async ({ text }, { deliveryCount }) => {
      seen.push(text)
      if (text !== '0:1') return
      atMs.push(cluster.clock.monoMs())
      if (deliveryCount === 2) throw new Retry({ ms: 250 })
      if (deliveryCount < 4) throw new Error('not yet')
    })
    await cluster.until(() => seen.filter((text) => text.startsWith('0')).length === 4 + 3)
    const gaps = atMs.slice(1).map((each, index) => Math.round(each - (atMs[index] ?? 0)))
    assert.deepEqual(gaps, [1000, 250, 1000])
    assert.deepEqual(
      seen.filter((text) => text.startsWith('0')),
      ['0:0', '0:1', '0:1', '0:1', '0:1', '0:2', '0:3'],
    )
    assert.equal(cluster.broker('a').countOf(CONSUMER_SEND_MSG_BACK), 0)
  })

  it('buries a message that fails too often, or is rejected, and goes on', async () => {
    const { cluster, client } = await open(1)
    await send(cluster, client, 3, 1)
    const seen: string[] = []
    void ordered(client, { retriesMax: 2, suspendMs: 10 }).run(async ({ text }) => {
      seen.push(text)
      if (text === '0:0') throw new Error('never')
      if (text === '0:1') throw new Reject('bad')
    })
    await cluster.until(() => seen.length === 5)
    assert.deepEqual(seen, ['0:0', '0:0', '0:0', '0:1', '0:2'])
    const levels = cluster
      .broker('a')
      .requestsOf(CONSUMER_SEND_MSG_BACK)
      .map((request) => request.text('delayLevel'))
    assert.deepEqual(levels, ['-1', '-1'])
  })

  it('locks its queues before it reads their offsets, and renews every 20 s', async () => {
    const { cluster, client } = await open(2)
    const broker = cluster.broker('a')
    await cluster.result(ordered(client).start())
    const codes = broker.requests.map(({ code }) => code)
    assert(codes.indexOf(LOCK_BATCH_MQ) < codes.indexOf(RequestCode.QUERY_CONSUMER_OFFSET))
    assert.deepEqual(broker.locks.get('g orders 1'), client.clientId)
    const count = broker.countOf(LOCK_BATCH_MQ)
    await cluster.clock.advance(61_000)
    assert.equal(broker.countOf(LOCK_BATCH_MQ), count + 3)
  })

  it('leaves a queue alone that another has locked, until it is free', async () => {
    const { cluster, client } = await open(2)
    await send(cluster, client, 4, 2)
    const broker = cluster.broker('a')
    broker.locks.set('g orders 0', 'somebody')
    const seen: string[] = []
    void ordered(client).run(({ text }) => {
      seen.push(text)
    })
    await cluster.clock.advance(10_000)
    assert.deepEqual(seen, ['1:0', '1:1'])
    broker.locks.clear()
    assert((await cluster.until(() => seen.length === 4)) < 1100)
  })

  it('stops when its locks run out, and goes on when it has them again', async () => {
    const { cluster, client } = await open(1)
    const broker = cluster.broker('a')
    let count = 0
    void ordered(client).run(() => {
      count++
    })
    await cluster.clock.advance(1000)
    broker.intercept.set(LOCK_BATCH_MQ, () => ({ code: ResponseCode.SYSTEM_ERROR, remark: 'no' }))
    await cluster.clock.advance(32_000)
    await send(cluster, client, 3, 1)
    await cluster.clock.advance(1000)
    // one pull was with the broker, its messages wait here
    assert.equal(count, 0)
    broker.intercept.clear()
    await cluster.until(() => count === 3, 21_000)
  })

  it('hands out nothing after its broker was gone until it has its locks again', async () => {
    const { cluster, client } = await open(1)
    const broker = cluster.broker('a')
    await send(cluster, client, 200, 1)
    const seen: string[] = []
    void ordered(client).run(async ({ text }) => {
      seen.push(text)
      await new Promise<void>((resolve) => cluster.clock.after(20, resolve))
    })
    await cluster.until(() => seen.length > 5)
    const lockCount = broker.countOf(LOCK_BATCH_MQ)
    // it comes back without its locks, and another client is quicker
    broker.locks.set('g orders 0', 'somebody')
    broker.dropConnections()
    await cluster.until(() => broker.countOf(LOCK_BATCH_MQ) > lockCount)
    const { length } = seen
    await cluster.clock.advance(5000)
    assert.ok(seen.length <= length + 1, `${seen.length - length} were handed out`)
    assert.equal(broker.locks.get('g orders 0'), 'somebody')
    // the other has come further, and committed that
    broker.offsets.set('g orders 0', 150)
    broker.locks.clear()
    await cluster.until(() => seen.at(-1) === '0:199', 20_000)
    const rest = seen.slice(length).map((text) => Number(text.slice(2)))
    assert.deepEqual(
      rest.slice(-50),
      Array.from({ length: 50 }, (_, i) => 150 + i),
    )
    assert.ok(rest.length <= 51, `${rest}`)
  })

  it('gives a queue away only when its handler is done', async () => {
    const { cluster, client } = await open(2)
    await send(cluster, client, 20, 2)
    const other = await cluster.client()
    const log: string[] = []
    let isBusy = false
    const handler =
      (name: string) =>
      async ({ text, queue }: { text: string; queue: { queueId: number } }) => {
        if (queue.queueId === 1) {
          assert(!isBusy, `${name} ${text} began while another was at work`)
          isBusy = true
          await pause(cluster, 5000)
          isBusy = false
        }
        log.push(`${name} ${text}`)
      }
    const [one, two] = [ordered(client), ordered(other)]
    void one.run(handler('one'))
    await cluster.clock.advance(7000)
    void two.run(handler('two'))
    await cluster.until(() => log.length === 20, 120_000)
    const ofSecond = log.filter((line) => line.includes(' 1:')).map((line) => line.split(' ')[1])
    assert.deepEqual(
      ofSecond,
      Array.from({ length: 10 }, (_, i) => `1:${i}`),
    )
    assert.deepEqual([one.queues.length + two.queues.length, cluster.broker('a').locks.size], [3, 3])
  })

  it('unlocks its queues when it is closed', async () => {
    const { cluster, client } = await open(3)
    const consumer = ordered(client)
    await cluster.result(consumer.start())
    assert.equal(cluster.broker('a').locks.size, 4)
    await cluster.result(consumer.close())
    assert.equal(cluster.broker('a').locks.size, 0)
  })

  it('can be iterated over, a message of each queue at a time', async () => {
    const { cluster, client } = await open(1)
    await send(cluster, client, 3, 1)
    const consumer = ordered(client)
    assert.equal((await cluster.result(consumer.pull({ max: 10 }))).length, 1)
    assert.deepEqual(
      (await cluster.result(consumer.pull({ max: 10 }))).map(({ text }) => text),
      ['0:1'],
    )
  })
})

describe('Consumer by broadcast', () => {
  it('gives each client every message, and commits nothing at the broker', async () => {
    const { cluster, client } = await open(2)
    const other = await cluster.client()
    const counts = [0, 0]
    for (const [index, each] of [client, other].entries()) {
      void each.consumer({ group: 'g', topic: 'orders', from: 'earliest', mode: 'broadcast' }).run(() => {
        counts[index] = (counts[index] ?? 0) + 1
      })
    }
    await send(cluster, client, 10, 2)
    await cluster.until(() => counts.join() === '10,10')
    await cluster.clock.advance(10_000)
    assert.equal(cluster.broker('a').offsets.size, 0)
    assert.equal(cluster.broker('a').heartbeats.at(-1)?.consumers[0]?.messageModel, 'BROADCASTING')
  })

  it('keeps how far it has come in a file', async () => {
    const { cluster, client } = await open(2)
    await send(cluster, client, 10, 2)
    const options = {
      group: 'g',
      topic: 'orders',
      from: 'earliest',
      mode: 'broadcast',
      offsetsFile: 'g.json',
    } as const
    const seen: string[] = []
    const first = client.consumer(options)
    void first.run(({ text }) => {
      seen.push(text)
    })
    await cluster.until(() => seen.length === 10)
    await cluster.result(first.close())
    await send(cluster, client, 2, 2)
    const second = client.consumer(options)
    void second.run(({ text }) => {
      seen.push(text)
    })
    await cluster.until(() => seen.length === 12)
    await cluster.clock.advance(3000)
    assert.equal(seen.length, 12)
  })

  it('drops a message whose handler fails, and says so', async () => {
    const { cluster, client } = await open(1)
    await send(cluster, client, 3, 1)
    const settled: string[] = []
    client.on('failed', (event) => settled.push(event.settled))
    let count = 0
    void client
      .consumer({ group: 'g', topic: 'orders', from: 'earliest', mode: 'broadcast' })
      .run(async () => {
        count++
        throw count === 1 ? new Reject() : new Error('no')
      })
    await cluster.until(() => settled.length === 3)
    assert.deepEqual(settled, ['dropped', 'dropped', 'dropped'])
    assert.equal(cluster.broker('a').countOf(CONSUMER_SEND_MSG_BACK), 0)
  })
})
