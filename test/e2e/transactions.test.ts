import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, TransactionOutcome, TransactionProducer } from '#ternmq/client/index.ts'
import { TestCli } from './test-cli.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

const topic = 'orders'

/** A client with a producer of transactions whose checks answer by the message's body, and what a consumer sees. */
async function shop(
  t: Parameters<typeof TestSystem.start>[0],
  outcomes: Readonly<Record<string, TransactionOutcome>>,
  more: Readonly<Record<string, string>> = {},
): Promise<{ system: TestSystem; client: Client; producer: TransactionProducer; seen: string[] }> {
  const settings = { transactionTimeOut: '1', transactionCheckInterval: '100', ...more }
  const system = await TestSystem.start(t, { onDisk: true, settings })
  const client = await system.client()
  await client.admin.createTopic({ topic, queueCount: 2 })
  await untilTopic(client, topic)
  const producer = client.transactionProducer({
    group: 'shop',
    check: ({ text }) => outcomes[text] ?? 'unknown',
  })
  const seen: string[] = []
  void client.consumer({ group: 'g', topic, from: 'earliest' }).run(({ text }) => {
    seen.push(text)
  })
  return { system, client, producer, seen }
}

describe('transactions', () => {
  it('deliver what was committed, at once or when the broker asks, and nothing else', async (t) => {
    const { producer, seen, system } = await shop(t, { later: 'commit', never: 'rollback' })
    await producer.send({ topic, body: 'now' }, () => 'commit')
    await producer.send({ topic, body: 'no' }, () => 'rollback')
    await producer.send({ topic, body: 'later' }, () => 'unknown')
    await producer.send({ topic, body: 'never' }, () => 'unknown')
    await until(() => seen.length === 2 && system.broker?.transactions.count === 0)
    await pause(300)
    assert.deepEqual(seen.sort(), ['later', 'now'])
  })

  it('are parked when nobody ends them, and taken up again by an admin', async (t) => {
    const outcomes: Record<string, TransactionOutcome> = {}
    const { producer, seen, system } = await shop(t, outcomes, { transactionCheckMax: '2' })
    const cli = new TestCli(system)
    assert.deepEqual(await cli.json('transaction', 'parked'), [])
    await producer.send({ topic, body: 'open', keys: 'order-7' }, () => 'unknown')
    const parked = (): Promise<{ offsetId: string; topic: string; keys: string }[]> =>
      cli.json('transaction', 'parked', '--group', 'shop')
    await until(async () => (await parked()).length === 1)
    const [message] = await parked()
    assert.deepEqual([message?.topic, message?.keys], [topic, 'order-7'])
    outcomes.open = 'commit'
    await cli.json('transaction', 'resume', message?.offsetId ?? '')
    await until(() => seen.length === 1)
    assert.deepEqual(seen, ['open'])
  })

  it('are asked about after the broker was away', async (t) => {
    const outcomes: Record<string, TransactionOutcome> = {}
    const { producer, seen, system } = await shop(t, outcomes)
    await producer.send({ topic, body: 'done before' }, () => 'commit')
    await producer.send({ topic, body: 'open' }, () => 'unknown')
    await until(() => seen.length === 1)
    await system.stopBroker()
    outcomes.open = 'commit'
    await system.startBroker()
    await until(() => seen.includes('open'), 60_000)
    assert.deepEqual(seen, ['done before', 'open'])
  })
})
