// What docs/client.md shows, run against a broker in the process.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Client,
  connect,
  isRequest,
  json,
  Reject,
  Retry,
  type StandardSchema,
  sql,
  type Transaction,
  type TransactionOutcome,
  topic,
} from 'ternmq/client'
import { createTestBroker, type TestBroker } from 'ternmq/testing'

let broker: TestBroker
let namesrv: string
let client: Client

beforeEach(async () => {
  broker = await createTestBroker({
    topics: ['orders', 'prices', 'reminders'],
    settings: { enablePropertyFilter: true, recallMessageEnable: true },
  })
  namesrv = broker.namesrv
  client = await broker.connect()
})
afterEach(() => broker.close())

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(2)
}

it('sends and consumes', async () => {
  const seen: string[] = []
  await using client = await connect({ namesrv })
  const producer = client.producer({ group: 'shop' })
  const { status, messageId, queue } = await producer.send({
    topic: 'orders',
    body: 'order 1',
    tag: 'new',
    keys: '1',
  })
  if (status !== 'SEND_OK') console.warn(`${messageId} in queue ${queue.queueId} is not safe yet: ${status}`)

  const consumer = client.consumer({ group: 'shipping', topic: 'orders', from: 'earliest' })
  const running = consumer.run(async (message, context) => {
    seen.push(message.text)
    context.signal.throwIfAborted()
  })
  await until(() => seen.length === 1)
  await consumer.close()
  await running
  assert.deepEqual(seen, ['order 1'])
})

it('keeps the order of messages with one key', async () => {
  const seen: string[] = []
  const producer = client.producer()
  for (const state of ['placed', 'paid', 'shipped']) {
    await producer.send({ topic: 'orders', body: state }, { hashKey: 'order-1' })
  }
  const consumer = client.consumer({ group: 'ledger', topic: 'orders', from: 'earliest', ordered: true })
  void consumer.run(({ text }) => {
    seen.push(text)
  })
  await until(() => seen.length === 3)
  assert.deepEqual(seen, ['placed', 'paid', 'shipped'])
})

it('sends together, without an answer, and with a time', async () => {
  const batching = client.producer({ group: 'metrics', linger: { ms: 5 } })
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => batching.send({ topic: 'orders', body: `reading ${i}` })),
  )

  const producer = client.producer()
  await producer.sendBatch(['a', 'b'].map((body) => ({ topic: 'orders', body })))
  await producer.sendOneway({ topic: 'orders', body: 'perhaps' })
  await producer.send({ topic: 'reminders', body: 'in ten minutes', delayLevel: 14 })
  await broker.waitFor('orders', { count: 103 })
})

it('tries again, and buries', async () => {
  const charge = async (order: string): Promise<'paid' | 'busy' | 'no such card'> =>
    order === 'order 2' ? 'no such card' : 'busy'
  const producer = client.producer()
  for (const body of ['order 1', 'order 2']) await producer.send({ topic: 'orders', body })
  const consumer = client.consumer({ group: 'payments', topic: 'orders', from: 'earliest', retriesMax: 5 })
  void consumer.run(async ({ text }) => {
    const outcome = await charge(text)
    if (outcome === 'busy') throw new Retry({ ms: 30_000 })
    if (outcome === 'no such card') throw new Reject(outcome)
  })
  assert.equal((await broker.waitFor('%DLQ%payments'))[0]?.text, 'order 2')
})

it('hands messages out one by one, or some at a time', async () => {
  const producer = client.producer()
  for (let i = 0; i < 5; i++) await producer.send({ topic: 'orders', body: String(i) })
  const consumer = client.consumer({ group: 'reports', topic: 'orders', from: 'earliest' })
  let count = 0
  for await (const message of consumer) {
    count += message.text.length
    if (count === 5) break
  }
  await consumer.close()

  const careful = client.consumer({ group: 'careful', topic: 'orders', from: 'earliest', manualAck: true })
  const messages = await careful.pull({ max: 10, waitMs: 5000, signal: AbortSignal.timeout(20_000) })
  for (const message of messages) careful.ack(message)
  await careful.commit()
  assert.ok(messages.length > 0)
})

it('filters by tags and by properties', async () => {
  const producer = client.producer()
  const minPrice = 5
  for (const price of ['3', '7']) {
    await producer.send({ topic: 'orders', body: price, tag: 'new', properties: { price } })
  }
  const tagged = client.consumer({
    group: 'tagged',
    topic: 'orders',
    filter: 'new || changed',
    from: 'earliest',
  })
  const filter = sql`price > ${minPrice} AND price IS NOT NULL`
  const priced = client.consumer({ group: 'priced', topic: 'orders', filter, from: 'earliest' })
  assert.equal((await tagged.pull({ waitMs: 5000 })).length > 0, true)
  assert.deepEqual(
    (await priced.pull({ waitMs: 5000 })).map(({ text }) => text),
    ['7'],
  )
})

it('takes messages without queues', async () => {
  const producer = client.producer()
  await producer.send({ topic: 'orders', body: 'slow work' })
  const seen: string[] = []
  const workers = client.pop({ group: 'workers', topic: 'orders', invisibleMs: 60_000 })
  void workers.run(async ({ text }) => {
    if (text === 'too slow') throw new Retry({ ms: 600_000 })
    seen.push(text)
  })

  const byHand = client.pop({ group: 'by-hand', topic: 'orders' })
  for (const message of await byHand.pull({ max: 16, waitMs: 5000 })) {
    if (message.reconsumeTimes > 3) await byHand.postpone(message, 600_000)
    else await byHand.ack(message)
  }
  while (seen.length < 1) await pause(5)
  assert.deepEqual(seen, ['slow work'])
})

it('asks and is answered', async () => {
  void client
    .consumer({ group: 'prices', topic: 'prices', from: 'earliest' })
    .run(async (message, context) => {
      if (isRequest(message)) await context.reply({ body: `${message.text}: 12 €` })
    })

  const producer = client.producer()
  const reply = await producer.request({ topic: 'prices', body: 'apples' }, { timeoutMs: 5000 })
  assert.equal(reply.text, 'apples: 12 €')
})

it('sends in a transaction', async () => {
  const saved = new Set<string>()
  const orders = client.transactionProducer({
    group: 'orders',
    check: ({ messageId }) => (saved.has(messageId) ? 'commit' : 'rollback'),
  })
  const execute = async ({ transactionId }: Transaction): Promise<TransactionOutcome> => {
    saved.add(transactionId) // in the same transaction of the database as the order
    return 'commit'
  }
  const { outcome } = await orders.send({ topic: 'orders', body: 'order 1' }, execute)
  assert.equal(outcome, 'commit')
})

it('carries values', async () => {
  interface Order {
    readonly id: number
  }
  const orderSchema: StandardSchema<Order> = {
    '~standard': { version: 1, vendor: 'example', validate: (value) => ({ value: value as Order }) },
  }
  const seen: number[] = []
  const orders = topic<Order>('orders', json(orderSchema))
  await client.producer().send(orders.message({ id: 7 }, { keys: '7' }))
  void client.consumer({ group: 'typed', topic: orders.name, from: 'earliest' }).run(
    orders.handler(async (order, message, context) => {
      seen.push(order.id, message.keys.length, context.deliveryCount)
    }),
  )
  await until(() => seen.length === 3)
  assert.deepEqual(seen, [7, 1, 1])
})

it('tells what happens', async () => {
  const events: string[] = []
  const stop = client.on('rebalanced', ({ group, queues }) =>
    events.push(`${group} has ${queues.length} queues`),
  )
  client.on('failed', ({ messageId, error, settled }) => events.push(`${messageId}: ${error}, ${settled}`))
  await client.consumer({ group: 'g', topic: 'orders' }).start()
  stop()
  assert.ok(events.includes('g has 4 queues'))
})
