import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { optionalCodec } from '../base/host/optional-codecs.ts'
import { decompressBody } from '../protocol/message-body.ts'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { ClientError } from './client-error.ts'
import type { Producer, ProducerOptions } from './producer.ts'
import { TestCluster } from './test-cluster.ts'

const { SEND_MESSAGE_V2, SEND_BATCH_MESSAGE } = RequestCode

async function producerOf(cluster: TestCluster, options: ProducerOptions = {}): Promise<Producer> {
  return (await cluster.client()).producer(options)
}

describe('Producer', () => {
  it('sends a message and says where it lies', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster, { group: 'shop' })
    const properties = { region: 'north', colour: 'grün' }
    const message = { topic: 'orders', body: 'hello', tag: 'created', keys: ['42', 'k'], properties, flag: 7 }
    const result = await cluster.result(producer.send(message))
    assert.equal(result.status, 'SEND_OK')
    assert.equal(result.queueOffset, 0)
    assert.equal(result.queue.topic, 'orders')
    assert.equal(result.queue.brokerName, 'a')
    assert.match(result.messageId, /^0A000101[0-9A-F]{24}$/)
    const [request] = cluster.broker('a').requestsOf(SEND_MESSAGE_V2)
    assert(request)
    assert.equal(request.body.toString(), 'hello')
    assert.equal(request.text('a'), 'shop')
    assert.equal(request.text('b'), 'orders')
    assert.equal(request.text('c'), 'TBW102')
    assert.equal(request.text('d'), '4')
    assert.equal(request.integer('e'), result.queue.queueId)
    assert(Math.abs(cluster.clock.nowMs() - request.integer('g')) < 100)
    assert.equal(request.integer('h'), 7)
    assert.equal(request.text('n'), 'a')
    assert.deepEqual(Object.fromEntries(parseProperties(request.text('i'))), {
      ...{ UNIQ_KEY: result.messageId, TAGS: 'created', KEYS: '42 k' },
      ...properties,
    })
  })

  it('sends to the queues in turn', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 2)
    const producer = await producerOf(cluster)
    const seen = new Map<string, number>()
    for (let i = 0; i < 12; i++) {
      const { queue } = await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
      const key = `${queue.brokerName}${queue.queueId}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    assert.deepEqual(Object.fromEntries([...seen].sort()), { a0: 3, a1: 3, b0: 3, b1: 3 })
  })

  it('sends to the queue that the program chooses', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 4)
    const producer = await producerOf(cluster)
    const message = { topic: 'orders', body: 'x' }
    const queueOf = async (choice: object): Promise<string> => {
      const { queue } = await cluster.result(producer.send(message, choice))
      return `${queue.brokerName}${queue.queueId}`
    }
    // 'order-1'.hashCode() is -1207298559 in Java: 7 modulo 8 by magnitude
    assert.equal(await queueOf({ hashKey: 'order-1' }), await queueOf({ hashKey: 'order-1' }))
    assert.equal(await queueOf({ hashKey: 'a' }), 'a1') // 97 % 8
    assert.equal(await queueOf({ queueIndex: 6 }), 'b2')
    assert.equal(await queueOf({ queueIndex: 9 }), 'a1')
    assert.equal(await queueOf({ queue: { topic: 'orders', brokerName: 'b', queueId: 3 } }), 'b3')
    assert.equal(await queueOf({ select: (queues: readonly unknown[]) => queues.at(-1) }), 'b3')
    await assert.rejects(cluster.result(producer.send(message, { hashKey: 'a', queueIndex: 1 })), {
      code: 'invalidParameter',
    })
    const elsewhere = { queue: { topic: 'orders', brokerName: 'c', queueId: 3 } }
    await assert.rejects(cluster.result(producer.send(message, elsewhere)), { code: 'topicNotExist' })
  })

  it('sends a batch whose messages keep their own ids', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    await cluster.result(producer.send({ topic: 'orders', body: 'before' }))
    const messages = ['one', 'two', 'three'].map((body) => ({ topic: 'orders', body, tag: body }))
    const result = await cluster.result(producer.sendBatch(messages))
    assert.equal(result.queueOffset, 1)
    assert.equal(new Set(result.messageIds).size, 3)
    assert.equal(new Set(result.offsetMessageIds).size, 3)
    const [request] = cluster.broker('a').requestsOf(SEND_BATCH_MESSAGE)
    assert.equal(request?.optionalText('m'), 'true')
    assert.equal(request?.optionalText('i'), undefined)
    assert.equal(cluster.broker('a').maxOffset('orders', 0), 4)
  })

  it('refuses what no broker would take, before it sends anything', async () => {
    const cluster = await TestCluster.of('a')
    const producer = await producerOf(cluster, { bodyBytesMax: 1000 })
    const bad = [
      { topic: 'orders', body: '' },
      { topic: 'orders', body: Buffer.alloc(1001) },
      { topic: 'or ders', body: 'x' },
      { topic: '', body: 'x' },
      { topic: 'x'.repeat(128), body: 'x' },
      { topic: 'orders', body: 'x', tag: 'a\u0001b' },
      { topic: 'orders', body: 'x', keys: ['a b'] },
      { topic: 'orders', body: 'x', properties: { TAGS: 'a' } },
      { topic: 'orders', body: 'x', properties: { a: '' } },
      { topic: 'orders', body: 'x', properties: { a: 'x'.repeat(33_000) } },
      { topic: 'orders', body: 'x', delayLevel: 1, delayMs: 1 },
      { topic: 'orders', body: 'x', delayMs: -1 },
    ]
    for (const message of bad) await assert.rejects(cluster.result(producer.send(message)), ClientError)
    const one = { topic: 'orders', body: 'x' }
    const batches = [
      [],
      [one, { topic: 'other', body: 'x' }],
      [one, { ...one, delayLevel: 1 }],
      [one, { ...one, waitStored: false }],
      [{ topic: '%RETRY%g', body: 'x' }],
      [
        { ...one, body: Buffer.alloc(600) },
        { ...one, body: Buffer.alloc(600) },
      ],
    ]
    for (const batch of batches) await assert.rejects(cluster.result(producer.sendBatch(batch)), ClientError)
    assert.equal(cluster.broker('a').requests.length, 0)
  })

  it('compresses bodies from 4 KiB on where that makes them smaller', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    const send = (body: Buffer) => cluster.result(producer.send({ topic: 'orders', body }))
    await send(Buffer.alloc(4095, 'a'))
    await send(Buffer.alloc(4096, 'a'))
    await send(cluster.host('10.0.2.1').random.bytes(8000))
    const [small, large, random] = cluster.broker('a').requestsOf(SEND_MESSAGE_V2)
    assert.equal(small?.text('f'), '0')
    assert.equal(small?.body.length, 4095)
    assert.equal(large?.integer('f'), 0x301)
    assert.deepEqual(decompressBody(large?.body ?? Buffer.alloc(0), 0x301, 5000), Buffer.alloc(4096, 'a'))
    assert.equal(random?.text('f'), '0')
    assert.equal(random?.body.length, 8000)
  })

  it('compresses by the method that it is set up with, and by none that is not here', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster, { compression: 'lz4' })
    await cluster.result(producer.send({ topic: 'orders', body: Buffer.alloc(4096, 'a') }))
    const [request] = cluster.broker('a').requestsOf(SEND_MESSAGE_V2)
    assert.equal(request?.integer('f'), 0x101)
    assert.deepEqual(decompressBody(request?.body ?? Buffer.alloc(0), 0x101, 5000), Buffer.alloc(4096, 'a'))
    if (optionalCodec('zstd')) return
    await assert.rejects(producerOf(cluster, { compression: 'zstd' }), {
      code: 'notSupported',
      message: /Node\.js 22\.15/,
    })
  })

  it('writes delays and WAIT as the properties that brokers know', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    const ways = [
      { delayLevel: 3 },
      { delayMs: 1500 },
      { deliverAtMs: 1_800_000_000_000 },
      { waitStored: false },
    ]
    for (const way of ways) await cluster.result(producer.send({ topic: 'orders', body: 'x', ...way }))
    const texts = cluster
      .broker('a')
      .requestsOf(SEND_MESSAGE_V2)
      .map((request) => parseProperties(request.text('i')))
    assert.equal(texts[0]?.get('DELAY'), '3')
    assert.equal(texts[1]?.get('TIMER_DELAY_MS'), '1500')
    assert.equal(texts[2]?.get('TIMER_DELIVER_MS'), '1800000000000')
    assert.equal(texts[3]?.get('WAIT'), 'false')
  })

  it('sends oneway without an answer', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    await cluster.result(producer.sendOneway({ topic: 'orders', body: 'gone' }))
    await cluster.until(() => cluster.broker('a').maxOffset('orders', 0) === 1)
    assert.equal(cluster.broker('a').requestsOf(SEND_MESSAGE_V2)[0]?.isOneway, true)
  })

  it('lets the broker make a topic by its template, and finds its own route soon', async () => {
    const cluster = await TestCluster.of('a')
    const producer = await producerOf(cluster)
    const { queue } = await cluster.result(producer.send({ topic: 'fresh', body: 'x' }))
    assert(queue.queueId < 4)
    assert.equal((await cluster.result(producer.queues('fresh'))).length, 4)
    assert.equal(cluster.broker('a').topics.get('fresh'), 4)
    cluster.broker('a').topics.set('fresh', 6)
    await cluster.clock.advance(1000)
    assert.equal((await cluster.result(producer.queues('fresh'))).length, 6)
  })

  it('says so when a topic does not exist and may not be made', async () => {
    const cluster = await TestCluster.of('a')
    cluster.broker('a').topics.delete('TBW102')
    const producer = await producerOf(cluster)
    const error = await cluster.result(
      producer.send({ topic: 'absent', body: 'x' }).catch((thrown) => thrown),
    )
    assert(error instanceof ClientError)
    assert.equal(error.code, 'topicNotExist')
    assert.equal(error.retriable, false)
    assert.equal(error.message, 'topic absent does not exist')
  })

  it('tells unsure answers from sure ones', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    const statuses: string[] = []
    for (const code of [
      ResponseCode.FLUSH_DISK_TIMEOUT,
      ResponseCode.SLAVE_NOT_AVAILABLE,
      ResponseCode.FLUSH_SLAVE_TIMEOUT,
    ]) {
      const extFields = { msgId: '0A', queueId: '0', queueOffset: '5' }
      cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({ code, extFields }))
      const result = await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
      statuses.push(`${result.status} ${result.queueOffset}`)
    }
    assert.deepEqual(statuses, ['FLUSH_DISK_TIMEOUT 5', 'SLAVE_NOT_AVAILABLE 5', 'FLUSH_SLAVE_TIMEOUT 5'])
  })

  it('fails an answer that says nothing of the place, and does not send again', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const producer = await producerOf(cluster)
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({}))
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: 'x' })), ClientError)
    assert.equal(cluster.broker('a').countOf(SEND_MESSAGE_V2), 1)
  })
})
