import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { Client } from './client.ts'
import type { LitePullConsumer, LitePullOptions } from './lite-pull-consumer.ts'
import { TestCluster } from './test-cluster.ts'

async function open(
  options: Partial<LitePullOptions> = {},
): Promise<{ cluster: TestCluster; client: Client; consumer: LitePullConsumer }> {
  const cluster = await TestCluster.of('a')
  cluster.topic('orders', 2)
  const client = await cluster.client()
  const producer = client.producer()
  for (let i = 0; i < 20; i++) {
    await cluster.result(
      producer.send({ topic: 'orders', body: String(i), tag: i < 10 ? 'a' : 'b' }, { queueIndex: i % 2 }),
    )
  }
  return { cluster, client, consumer: client.litePull({ group: 'g', from: 'earliest', ...options }) }
}

const queueOf = (queueId: number) => ({ topic: 'orders', brokerName: 'a', queueId })

async function pullAll(cluster: TestCluster, consumer: LitePullConsumer): Promise<string[]> {
  const texts: string[] = []
  for (;;) {
    const messages = await cluster.result(consumer.pull({ waitMs: 500 }))
    if (messages.length === 0) return texts
    texts.push(...messages.map(({ text }) => text))
  }
}

describe('LitePullConsumer', () => {
  it('may be started again after it could not', async () => {
    const { cluster, client, consumer } = await open()
    const other = client.consumer({ group: 'g', topic: 'orders', from: 'earliest' })
    await cluster.result(other.start())
    await assert.rejects(cluster.result(consumer.subscribe('orders')), { code: 'invalidParameter' })
    await cluster.result(other.close())
    await cluster.result(consumer.subscribe('orders'))
    assert.equal((await pullAll(cluster, consumer)).length, 20)
    await cluster.close()
  })

  it('reads a queue once that was assigned twice at the same time', async () => {
    const { cluster, consumer } = await open()
    const both = [consumer.assign([queueOf(0), queueOf(1)]), consumer.assign([queueOf(1)])]
    await cluster.result(Promise.all(both))
    assert.deepEqual(consumer.queues, [queueOf(1)])
    assert.equal((await pullAll(cluster, consumer)).length, 10)
    await cluster.close()
    const count = cluster.broker('a').requests.length
    await cluster.clock.advance(60_000)
    assert.equal(cluster.broker('a').requests.length, count)
  })

  it('reads the queues that it is assigned, and no others', async () => {
    const { cluster, consumer } = await open()
    assert.deepEqual(await cluster.result(consumer.queuesOf('orders')), [queueOf(0), queueOf(1)])
    await cluster.result(consumer.assign([queueOf(1)]))
    assert.deepEqual(consumer.queues, [queueOf(1)])
    assert.deepEqual(await pullAll(cluster, consumer), [
      '1',
      '3',
      '5',
      '7',
      '9',
      '11',
      '13',
      '15',
      '17',
      '19',
    ])
    await cluster.result(consumer.assign([queueOf(0)]))
    assert.deepEqual(consumer.queues, [queueOf(0)])
    assert.equal((await pullAll(cluster, consumer)).length, 10)
  })

  it('says by each pull what it wants', async () => {
    const { cluster, consumer } = await open()
    let pulled: Readonly<Record<string, string>> = {}
    cluster.broker('a').intercept.set(RequestCode.LITE_PULL_MESSAGE, ({ fields }) => {
      pulled = fields
      return undefined
    })
    await cluster.result(consumer.assign([queueOf(0)], 'b'))
    assert.deepEqual(await pullAll(cluster, consumer), ['10', '12', '14', '16', '18'])
    assert.equal(pulled.sysFlag, '22')
    assert.equal(pulled.subscription, 'b')
    assert.equal(pulled.expressionType, 'TAG')
  })

  it('goes on at the place that it is sent to', async () => {
    const { cluster, consumer } = await open()
    await cluster.result(consumer.assign([queueOf(0)]))
    await pullAll(cluster, consumer)
    await cluster.result(consumer.seek(queueOf(0), 8))
    assert.equal(consumer.position(queueOf(0)), 8)
    assert.deepEqual(await pullAll(cluster, consumer), ['16', '18'])
    await cluster.result(consumer.seek(queueOf(0), 'end'))
    assert.deepEqual(await pullAll(cluster, consumer), [])
    await cluster.result(consumer.seek(queueOf(0), 'begin'))
    assert.equal((await pullAll(cluster, consumer)).length, 10)
    await assert.rejects(cluster.result(consumer.seek(queueOf(0), -1)), { code: 'invalidParameter' })
    await assert.rejects(cluster.result(consumer.seek(queueOf(1), 0)), { code: 'invalidParameter' })
    assert.throws(() => consumer.position(queueOf(1)), { code: 'invalidParameter' })
  })

  it('commits only when it is told to, if that is wanted', async () => {
    const { cluster, consumer } = await open({ autoCommit: false })
    const broker = cluster.broker('a')
    await cluster.result(consumer.assign([queueOf(0)]))
    const messages = await cluster.result(consumer.pull({ max: 4 }))
    assert.equal(messages.length, 4)
    await cluster.clock.advance(20_000)
    assert.equal(broker.committed('g', 'orders', 0), undefined)
    assert.equal(await cluster.result(consumer.committed(queueOf(0))), undefined)
    await cluster.result(consumer.commit())
    assert.equal(broker.committed('g', 'orders', 0), 4)
    await cluster.result(consumer.pull({ max: 4 }))
    await cluster.result(consumer.close())
    assert.equal(broker.committed('g', 'orders', 0), 4)
  })

  it('commits by itself otherwise, what the pulls before the last have brought', async () => {
    const { cluster, consumer } = await open()
    const broker = cluster.broker('a')
    await cluster.result(consumer.assign([queueOf(0)]))
    await cluster.result(consumer.pull({ max: 3 }))
    await cluster.result(consumer.pull({ max: 3 }))
    await cluster.clock.advance(6000)
    assert.equal(broker.committed('g', 'orders', 0), 3)
  })

  it('shares a topic with others of its group', async () => {
    const { cluster, consumer } = await open()
    const second = (await cluster.client()).litePull({ group: 'g', from: 'earliest' })
    await cluster.result(consumer.subscribe('orders'))
    assert.equal(consumer.queues.length, 2)
    await cluster.result(second.subscribe('orders'))
    await cluster.until(() => consumer.queues.length === 1 && second.queues.length === 1)
    assert.equal(cluster.broker('a').heartbeats.at(-1)?.consumers[0]?.consumeType, 'CONSUME_ACTIVELY')
    await cluster.result(second.close())
    await cluster.until(() => consumer.queues.length === 2)
  })

  it('either is assigned queues or subscribes to topics', async () => {
    const { cluster, consumer, client } = await open()
    await cluster.result(consumer.assign([queueOf(0)]))
    await assert.rejects(cluster.result(consumer.subscribe('orders')), { code: 'invalidParameter' })
    const other = client.litePull({ group: 'other' })
    await cluster.result(other.subscribe('orders'))
    await assert.rejects(cluster.result(other.assign([queueOf(0)])), { code: 'invalidParameter' })
  })

  it('says so when a queue cannot be begun', async () => {
    const { cluster, consumer } = await open()
    cluster
      .broker('a')
      .intercept.set(RequestCode.QUERY_CONSUMER_OFFSET, () => ({ code: ResponseCode.SYSTEM_BUSY }))
    await assert.rejects(cluster.result(consumer.assign([queueOf(0)])), {
      code: 'connectionLost',
      retriable: true,
    })
    cluster.broker('a').intercept.clear()
    await cluster.result(consumer.assign([queueOf(0)]))
    assert.equal((await pullAll(cluster, consumer)).length, 10)
  })

  it('rests while it is paused, and ends its pulls when it is closed', async () => {
    const { cluster, consumer } = await open()
    await cluster.result(consumer.assign([queueOf(0)]))
    consumer.pause()
    assert.deepEqual(await cluster.result(consumer.pull({ waitMs: 1000 })), [])
    consumer.resume()
    assert.equal((await pullAll(cluster, consumer)).length, 10)
    const waiting = consumer.pull()
    await cluster.result(consumer.close())
    assert.deepEqual(await cluster.result(waiting), [])
    await assert.rejects(consumer.assign([queueOf(0)]), { code: 'closed' })
  })
})
