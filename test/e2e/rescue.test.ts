import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestCli } from './test-cli.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

/** Delays so short that tests do not wait for them. */
const AT_ONCE = { messageDelayLevel: '0s 0s 0s 0s 0s' }

interface Redriven {
  readonly matched: number
  readonly redriven: number
  readonly skipped: number
  readonly failed: number
}

/** A system with dead letters `m0` to `m4` of the group `billing`, with the keys `k0` to `k4`. */
async function withLetters(
  t: Parameters<typeof TestSystem.start>[0],
): Promise<{ system: TestSystem; cli: TestCli }> {
  const system = await TestSystem.start(t, { settings: AT_ONCE })
  const client = await system.client()
  const producer = client.producer()
  for (let i = 0; i < 5; i++) await producer.send({ topic: 'orders', body: `m${i}`, keys: `k${i}`, tag: 'A' })
  const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest', retriesMax: 1 })
  void consumer.run(() => {
    throw new Error('it cannot be handled')
  })
  await until(() => (system.broker?.topics.get('%DLQ%billing')?.queues.queues[0]?.maxOffset ?? 0) === 5)
  await consumer.close()
  await untilTopic(client, '%DLQ%billing')
  return { system, cli: new TestCli(system) }
}

describe('dead letters', () => {
  it('are sent back to their group, once each, those that are meant', async (t) => {
    const { system, cli } = await withLetters(t)
    const listed = await cli.json<{ origin: string; keys: string }[]>('dlq', 'list', 'billing')
    assert.deepEqual(listed.map(({ origin, keys }) => `${origin} ${keys}`).sort(), [
      'orders k0',
      'orders k1',
      'orders k2',
      'orders k3',
      'orders k4',
    ])
    const run = (...words: string[]): Promise<Redriven> => cli.json('dlq', 'redrive', 'billing', ...words)
    const dry = await cli.run('dlq', 'redrive', 'billing', '--dry-run')
    assert.match(dry.out, /matched +5/)
    assert.deepEqual(await run('--key', 'k2'), { matched: 1, redriven: 1, skipped: 0, failed: 0 })
    assert.deepEqual(await run('--key', 'k2'), { matched: 1, redriven: 0, skipped: 1, failed: 0 })
    assert.deepEqual(await run('--to', 'now-1h'), { matched: 0, redriven: 0, skipped: 0, failed: 0 })
    // as if it had been interrupted: the second run does the rest
    const [some, rest] = [await run('--max', '3'), await run('--rate', '1000')]
    assert.equal(some.redriven + some.skipped, 3)
    assert.equal(rest.matched, 5)
    assert.equal(1 + some.redriven + rest.redriven, 5)
    const got: string[] = []
    const client = await system.client()
    const consumer = client.consumer({ group: 'billing', topic: 'orders' })
    void consumer.run(({ topic, body, tag, properties, reconsumeTimes }) => {
      got.push([topic, body, tag, properties.get('COPIED_TIMES'), reconsumeTimes].join(' '))
    })
    await until(() => got.length === 5)
    assert.deepEqual(
      got.sort(),
      ['m0', 'm1', 'm2', 'm3', 'm4'].map((body) => `orders ${body} A 1 0`),
    )
  })

  it('are sent to the topic they came from, and by id', async (t) => {
    const { system, cli } = await withLetters(t)
    const [first] = await cli.json<{ id: string; body: string }[]>('dlq', 'list', 'billing')
    const words = ['dlq', 'redrive', 'billing', '--target', 'origin', '--id', first?.id ?? '']
    assert.equal((await cli.json<Redriven>(...words)).redriven, 1)
    const orders = system.broker?.topics.get('orders')
    assert.equal(
      orders?.queues.queues.reduce((sum, queue) => sum + (queue?.maxOffset ?? 0), 0),
      6,
    )
    assert.equal((await cli.json<Redriven>(...words, '--again')).redriven, 1, 'once more, when told so')
  })

  it('are counted as failed when their topic is gone', async (t) => {
    const { system, cli } = await withLetters(t)
    system.broker?.deleteTopic('orders')
    const { out } = await cli.run('dlq', 'redrive', 'billing', '--target', 'origin')
    assert.match(out, /could not be sent to orders/)
    assert.match(out, /failed +5/)
  })
})

describe('a backlog', () => {
  it('is moved to a topic with more queues, and the group behind it', async (t) => {
    const system = await TestSystem.start(t)
    const cli = new TestCli(system)
    const client = await system.client()
    await cli.run('topic', 'create', 'orders', '--queues', '1')
    await untilTopic(client, 'orders')
    const producer = client.producer()
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => producer.send({ topic: 'orders', body: `m${i}` })),
    )
    system.broker?.groups.forUse('billing')
    const offsets = system.broker?.offsets.of('billing', 'orders')
    offsets?.commit(0, 50)
    const rescue = (
      ...words: string[]
    ): Promise<{ from: number; to: number; moved: number; skipped: number }[]> =>
      cli.json('group', 'rescue', 'billing', 'orders', '--queues', '8', ...words)
    assert.equal(
      (await cli.json<{ messages: number }[]>('group', 'rescue', 'billing', 'orders', '--dry-run'))[0]
        ?.messages,
      250,
    )
    const [row] = await rescue()
    assert.deepEqual([row?.from, row?.to, row?.moved, row?.skipped], [50, 300, 250, 0])
    assert.equal(offsets?.get(0), 300)
    const wide = system.broker?.topics.get('orders-rescue')
    const counts = wide?.queues.queues.map((queue) => queue?.maxOffset ?? 0) ?? []
    assert.equal(counts.length, 8)
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      250,
    )
    assert.ok(Math.min(...counts) >= 31, counts.join())
    // interrupted between the last sends and the commit: what was moved is not moved again
    offsets?.commit(0, 290)
    const [again] = await rescue()
    assert.deepEqual([again?.moved, again?.skipped], [0, 10])
  })

  it('stays where it is while the group consumes', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    await client.producer().send({ topic: 'orders', body: 'm' })
    const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' })
    void consumer.run(() => undefined)
    await until(() => (system.broker?.offsets.find('billing', 'orders')?.offsets.length ?? 0) > 0)
    const { error, exitCode } = await new TestCli(system).run('group', 'rescue', 'billing', 'orders')
    assert.equal(exitCode, 2)
    assert.match(error, /1 clients of billing are connected/)
  })
})
