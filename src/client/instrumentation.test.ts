import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { decodeBatch } from '../protocol/message-batch.ts'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { HandleEvent, Instrumentation, SendEvent } from './instrumentation.ts'
import { TestCluster } from './test-cluster.ts'
import { Shop } from './test-shop.ts'

const { SEND_MESSAGE_V2, SEND_BATCH_MESSAGE } = RequestCode

/** An instrumentation that notes what it hears, and gives each message a property. */
class Notes implements Instrumentation {
  readonly lines: string[] = []
  isClosed = false

  sending({ kind, messages, group }: Parameters<Instrumentation['sending']>[0]) {
    this.lines.push(`${kind} ${messages.length} ${group}`)
    return {
      properties: { noted: 'yes' },
      ended: ({ result, error }: { result?: { status: string }; error?: unknown }) =>
        this.lines.push(result?.status ?? String(error)),
    }
  }

  handling({ message, group }: Parameters<Instrumentation['handling']>[0], run: () => unknown): unknown {
    this.lines.push(`handle ${message.text} ${group}`)
    return run()
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

describe('instrumentation', () => {
  it('hears of every send and handler, and adds properties', async () => {
    const notes = new Notes()
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client({ instrumentation: [notes] })
    const producer = client.producer({ group: 'p' })
    const message = { topic: 'orders', body: 'x', properties: { own: 'too' } }
    await cluster.result(producer.send(message))
    await cluster.result(producer.sendBatch([message, { ...message, properties: { noted: 'mine' } }]))
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: '' })))
    assert.deepEqual(notes.lines.slice(0, 4), ['message 1 p', 'SEND_OK', 'batch 2 p', 'SEND_OK'])
    assert.match(notes.lines[5] ?? '', /empty body/)
    const [sent] = cluster.broker('a').requestsOf(SEND_MESSAGE_V2)
    const properties = parseProperties(sent?.text('i') ?? '')
    assert.deepEqual([properties.get('noted'), properties.get('own')], ['yes', 'too'])
    const [batch] = cluster.broker('a').requestsOf(SEND_BATCH_MESSAGE)
    const noted = decodeBatch(batch?.body ?? Buffer.alloc(0)).map(({ propertiesBytes }) =>
      parseProperties(propertiesBytes.toString()).get('noted'),
    )
    assert.deepEqual(noted, ['yes', 'mine'])

    const seen: string[] = []
    void client.consumer({ group: 'g', topic: 'orders', from: 'earliest' }).run(({ text }) => {
      seen.push(text)
    })
    await cluster.until(() => seen.length === 3)
    assert.equal(notes.lines.filter((line) => line === 'handle x g').length, 3)
    await cluster.close()
    assert(notes.isClosed)
  })

  it('publishes the end of sends and handlers on channels', async (t) => {
    const shop = await Shop.open(1)
    const sends: SendEvent[] = []
    const handlings: HandleEvent[] = []
    const onSend = (event: unknown): number => sends.push(event as SendEvent)
    const onHandle = (event: unknown): number => handlings.push(event as HandleEvent)
    subscribe('ternmq:send', onSend)
    subscribe('ternmq:handle', onHandle)
    t.after(() => {
      unsubscribe('ternmq:send', onSend)
      unsubscribe('ternmq:handle', onHandle)
    })
    await shop.send(1)
    const error = new Error('not now')
    void shop.consumer().run(() => {
      throw error
    })
    await shop.cluster.until(() => handlings.length === 1)
    assert.equal(sends[0]?.result?.status, 'SEND_OK')
    assert.equal(handlings[0]?.error, error)
    assert.equal(handlings[0]?.message.text, '0')
    await shop.cluster.close()
  })
})

describe('message trace', () => {
  it('tells the trace topic what became of each message', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    cluster.topic('RMQ_SYS_TRACE_TOPIC', 1)
    const client = await cluster.client({ trace: true })
    const sent = client.producer({ group: 'p' }).send({ topic: 'orders', body: 'x', tag: 't', keys: 'k1 k2' })
    const { messageId, offsetMessageId } = await cluster.result(sent)
    let count = 0
    void client.consumer({ group: 'g', topic: 'orders', from: 'earliest' }).run(async () => {
      if (++count === 1) throw new Error('not now')
    })
    await cluster.until(() => count === 2)
    await cluster.close()
    const traces = cluster
      .broker('a')
      .requestsOf(SEND_MESSAGE_V2)
      .filter((one) => one.text('b') === 'RMQ_SYS_TRACE_TOPIC')
    const records = traces.flatMap(({ body }) => body.toString().split('\u0002').slice(0, -1))
    const fields = records.map((record) => record.split('\u0001'))
    assert.deepEqual(
      fields.map(([kind]) => kind),
      ['Pub', 'SubBefore', 'SubAfter', 'SubBefore', 'SubAfter'],
    )
    const [pub, before, after, , again] = fields
    assert.deepEqual(pub?.slice(2, 10), [
      ...['DefaultRegion', 'p', 'orders', messageId, 't', 'k1 k2', '10.0.0.1:10911', '1'],
    ])
    assert.deepEqual(pub?.slice(11), ['0', offsetMessageId, 'true'])
    assert.deepEqual([before?.[3], before?.[5], before?.[6]], ['g', messageId, '0'])
    assert.equal(after?.[1], before?.[4])
    assert.deepEqual([after?.[4], after?.[6], after?.[8]], ['false', '2', 'g'])
    assert.deepEqual([again?.[4], again?.[6]], ['true', '0'])
    assert.equal(
      parseProperties(traces[0]?.text('i') ?? '')
        .get('KEYS')
        ?.split(' ')[0],
      messageId,
    )
  })

  it('keeps no more records than it may while nobody takes them', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    cluster.topic('RMQ_SYS_TRACE_TOPIC', 1)
    const isTrace = (topic: string): boolean => topic === 'RMQ_SYS_TRACE_TOPIC'
    const broker = cluster.broker('a')
    let isOpen = false
    broker.intercept.set(SEND_MESSAGE_V2, (request) => {
      if (isOpen || !isTrace(request.text('b'))) return undefined
      return new Promise(() => undefined)
    })
    const client = await cluster.client({ trace: true })
    const producer = client.producer()
    const sends = Array.from({ length: 5000 }, () => producer.send({ topic: 'orders', body: 'x' }))
    await cluster.result(Promise.all(sends))
    isOpen = true
    await cluster.close()
    const traces = broker.requestsOf(SEND_MESSAGE_V2).filter((request) => isTrace(request.text('b')))
    assert.ok(traces.length <= 21, `${traces.length} messages of 100 records each`)
  })

  it('loses no message of the program when nobody takes the trace', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    cluster.broker('a').topics.delete('TBW102')
    const client = await cluster.client({ trace: 'nowhere' })
    const { status } = await cluster.result(client.producer().send({ topic: 'orders', body: 'x' }))
    assert.equal(status, 'SEND_OK')
    await cluster.close()
    assert.deepEqual(cluster.log.lines, [])
  })
})
