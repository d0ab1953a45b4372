import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PopConsumer, type ReceivedMessage, Reject, Retry } from '#ternmq/client/index.ts'
import { createTestBroker, type TestBroker } from '#ternmq/testing/index.ts'

const textsOf = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ text }) => text).sort()

async function send(broker: TestBroker, count: number, tag = 'a'): Promise<void> {
  const producer = (await broker.connect()).producer()
  for (let i = 0; i < count; i++) await producer.send({ topic: 'popped', body: String(i), tag })
}

/** Messages that a consumer holds. */
function heldBy(consumer: PopConsumer): number {
  const { mqPopTable } = consumer.runningInfo(false)
  return [...mqPopTable.values()].reduce((sum, { waitAckCount }) => sum + waitAckCount, 0)
}

/** Takes until nothing more comes at once. */
async function all(consumer: PopConsumer): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = []
  for (;;) {
    const some = await consumer.pull({ waitMs: 0 })
    if (some.length === 0) return messages
    messages.push(...some)
  }
}

describe('a consumer by pop', () => {
  it('shares the messages of all queues, and takes none twice that is acknowledged', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    await send(broker, 20)
    const one = (await broker.connect()).pop({ group: 'g', topic: 'popped' })
    const other = (await broker.connect()).pop({ group: 'g', topic: 'popped' })
    const first = await one.pull({ max: 5, waitMs: 1000 })
    const second = await all(other)
    const rest = await all(one)
    const seen = [...first, ...second, ...rest]
    assert.deepEqual(textsOf(seen), Array.from({ length: 20 }, (_, i) => String(i)).sort())
    for (const message of [...first, ...rest]) await one.ack(message)
    for (const message of second) await other.ack(message)
    await broker.advance('3m')
    assert.deepEqual(await all(one), [])
    const [any] = first
    assert(any)
    await assert.rejects(one.ack(any), { code: 'invalidParameter' })
  })

  it('takes again what was not acknowledged, and can be asked to wait', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    await send(broker, 2)
    const consumer = (await broker.connect()).pop({ group: 'g', topic: 'popped', invisibleMs: 30_000 })
    const taken = await all(consumer)
    assert.equal(taken.length, 2)
    const [first, second] = taken
    assert(first && second)
    await consumer.postpone(first, 120_000)
    await broker.advance('40s')
    const again = await all(consumer)
    assert.deepEqual(textsOf(again), [second.text])
    assert.equal(again[0]?.reconsumeTimes, 1)
    assert.equal(again[0]?.topic, 'popped')
    for (const message of again) await consumer.ack(message)
    await broker.advance('100s')
    const late = await all(consumer)
    assert.deepEqual(textsOf(late), [first.text])
    for (const message of late) await consumer.ack(message)
    await broker.advance('5m')
    assert.deepEqual(await all(consumer), [])
  })

  it('forgets what was never acknowledged', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    await send(broker, 3)
    const consumer = (await broker.connect()).pop({ group: 'g', topic: 'popped', invisibleMs: 30_000 })
    const [first] = await all(consumer)
    assert(first)
    assert.equal(heldBy(consumer), 3)
    await consumer.postpone(first, 240_000)
    await broker.advance('100s')
    assert.equal((await all(consumer)).length, 2)
    assert.equal(heldBy(consumer), 3, 'those two again, and the one that waits')
  })

  it('waits for a message, filters, and ends with its signal or by close', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    const client = await broker.connect()
    const consumer = client.pop({ group: 'g', topic: 'popped', filter: 'b || c' })
    const waiting = consumer.pull()
    await send(broker, 3, 'a')
    await send(broker, 1, 'b')
    assert.deepEqual(
      (await waiting).map(({ tag }) => tag),
      ['b'],
    )
    const controller = new AbortController()
    const aborted = consumer.pull({ signal: controller.signal })
    setTimeout(() => controller.abort(new Error('no longer wanted')), 10)
    await assert.rejects(aborted, /no longer wanted/)
    const closed = consumer.pull()
    setTimeout(() => void consumer.close(), 10)
    assert.deepEqual(await closed, [])
    await assert.rejects(client.pop({ group: 'g', topic: 'absent' }).pull({ waitMs: 10 }), {
      code: 'topicNotExist',
    })
  })

  it('has a handler work on messages, several at a time, and settles what comes of each', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    await send(broker, 12)
    const client = await broker.connect()
    const settled: string[] = []
    client.on('failed', ({ error, settled: outcome }) =>
      settled.push(`${(error as Error).message}: ${outcome}`),
    )
    const consumer = client.pop({ group: 'g', topic: 'popped', invisibleMs: 60_000, concurrency: 3 })
    const done: string[] = []
    let atWork = 0
    let atWorkMax = 0
    const running = consumer.run(async ({ text }, { deliveryCount, signal }) => {
      signal.throwIfAborted()
      atWorkMax = Math.max(atWorkMax, ++atWork)
      await new Promise((resolve) => setImmediate(resolve))
      atWork--
      if (text === '3' && deliveryCount === 1) throw new Retry({ ms: 5000 })
      if (text === '4' && deliveryCount === 1) throw new Error('not yet')
      if (text === '5') throw new Reject('unwanted')
      done.push(`${text}/${deliveryCount}`)
    })
    await broker.waitFor('%DLQ%g', { count: 1 })
    for (let s = 0; s < 30 && done.length < 11; s++) await broker.advance('1s')
    assert.equal(done.length, 11)
    assert.deepEqual(done.filter((each) => !each.endsWith('/1')).sort(), ['3/2', '4/2'])
    assert.equal(atWorkMax, 3)
    assert.equal(heldBy(consumer), 0)
    assert.deepEqual(settled.sort(), [
      'not yet: retried',
      'to be delivered again: retried',
      'unwanted: rejected',
    ])
    await consumer.close()
    await running
    await broker.advance('3m')
    assert.deepEqual(await all(client.pop({ group: 'g', topic: 'popped' })), [])
  })

  it('waits for its handlers when it is closed, and gives up what takes longer', async () => {
    await using broker = await createTestBroker({ topics: ['popped'] })
    await send(broker, 2)
    const client = await broker.connect()
    const consumer = client.pop({ group: 'g', topic: 'popped', invisibleMs: 30_000, drainMs: 50 })
    const controller = new AbortController()
    const begun: string[] = []
    let free: () => void = () => undefined
    const running = consumer.run(
      async ({ text }, { signal }) => {
        begun.push(text)
        if (text === '0') await new Promise<void>((resolve) => (free = resolve))
        else await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
      { signal: controller.signal },
    )
    while (begun.length < 2) await new Promise((resolve) => setImmediate(resolve))
    await assert.rejects(
      consumer.run(() => undefined),
      { code: 'invalidParameter' },
    )
    controller.abort()
    free()
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    await broker.advance(100)
    await running
    await assert.rejects(
      consumer.run(() => undefined),
      { code: 'closed' },
    )
    await broker.advance('40s')
    assert.deepEqual(textsOf(await all(client.pop({ group: 'g', topic: 'popped' }))), ['1'])
  })
})
