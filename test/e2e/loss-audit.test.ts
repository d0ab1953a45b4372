import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestCli } from './test-cli.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

interface AuditRow {
  readonly producer: string
  readonly stored: number
  readonly lost: string
  readonly missing: string
  readonly duplicated: string
  readonly consumed: number
}

describe('an audit of numbered messages', () => {
  it('tells what is stored and consumed, and finds what is lost and doubled (R22, issue apache/rocketmq#2066)', async (t) => {
    const system = await TestSystem.start(t)
    const cli = new TestCli(system)
    const client = await system.client()
    await client.admin.createTopic({ topic: 'orders', queueCount: 2 })
    await untilTopic(client, 'orders')
    const producer = client.sequencedProducer()
    await Promise.all(Array.from({ length: 40 }, (_, i) => producer.send({ topic: 'orders', body: `m${i}` })))
    let seenCount = 0
    const consumer = client.consumer({ group: 'g', topic: 'orders', from: 'earliest' })
    void consumer.run(() => {
      seenCount++
    })
    await until(() => seenCount === 40)
    await consumer.close()
    // what a broker that loses and doubles would leave behind
    const ghost = client.producer()
    for (const mark of ['ghost 1 0', 'ghost 4 3', 'ghost 4 3', 'ghost 7 5'])
      await ghost.send({ topic: 'orders', body: 'x', properties: { TERN_SEQUENCE: mark } }, { queueIndex: 1 })
    const audited = await cli.run('audit', 'orders', '--group', 'g', '--json')
    assert.deepEqual(
      [audited.exitCode, audited.error],
      [1, 'ternmq: acknowledged messages are gone in 1 of these rows: see lost\n'],
    )
    const rows: AuditRow[] = JSON.parse(audited.out)
    const own = rows.filter((row) => row.producer === producer.id)
    assert.deepEqual(
      own.map(({ consumed, duplicated, lost, missing, stored }) => [
        stored,
        consumed,
        lost + missing + duplicated,
      ]),
      [
        [20, 20, ''],
        [20, 20, ''],
      ],
    )
    const [found] = rows.filter((row) => row.producer === 'ghost')
    assert.deepEqual(
      [found?.stored, found?.lost, found?.missing, found?.duplicated, found?.consumed],
      [3, '2-3,5', '6', '4', 0],
    )
  })
})
