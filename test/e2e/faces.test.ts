import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import * as client from '#ternmq/client/index.ts'
import * as testing from '#ternmq/testing/index.ts'

/** CPU time that the first test broker of a process may cost; on a slow machine, as much as the start of Node.js itself. */
const FIRST_BROKER_CPU_MS = 50

const firstBroker = `
const msOf = ({ user, system }) => (user + system) / 1000
const nodeMs = msOf(process.cpuUsage())
const { createTestBroker } = await import(process.argv[1])
const before = process.cpuUsage()
const broker = await createTestBroker()
console.log(JSON.stringify({ brokerMs: msOf(process.cpuUsage(before)), nodeMs }))
await broker.close()
`

async function firstBrokerCost(): Promise<{ brokerMs: number; nodeMs: number }> {
  const args = ['--input-type=module', '--eval', firstBroker, import.meta.resolve('ternmq/testing')]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: {}, timeout: 60_000 })
  return JSON.parse(stdout)
}

describe('the published faces', () => {
  it('have what the modules have that they are made of', async () => {
    for (const [name, compiled] of Object.entries({ client, testing })) {
      const published: Record<string, unknown> = await import(`ternmq/${name}`)
      assert.deepEqual(Object.keys(published).sort(), Object.keys(compiled).sort())
    }
  })

  it('make the first test broker of a process in less than 50 ms', async () => {
    const costs: { brokerMs: number; nodeMs: number }[] = []
    const isCheap = (): boolean =>
      costs.some(({ brokerMs, nodeMs }) => brokerMs < Math.max(FIRST_BROKER_CPU_MS, nodeMs))
    while (costs.length < 10 && !isCheap()) costs.push(await firstBrokerCost())
    assert.ok(isCheap(), `CPU of several processes: ${JSON.stringify(costs)}`)
  })

  it('know the errors of each other', async () => {
    const { createTestBroker }: typeof testing = await import('ternmq/testing')
    const { ClientError, Reject }: typeof client = await import('ternmq/client')
    await using broker = await createTestBroker({
      topics: ['there'],
      settings: { autoCreateTopicEnable: false },
    })
    const mine = await broker.connect()
    const producer = mine.producer()
    const sent = producer.send({ topic: 'absent', body: 'x' })
    await assert.rejects(sent, (error) => error instanceof ClientError && error.code === 'topicNotExist')
    await producer.send({ topic: 'there', body: 'x' })
    const consumer = mine.consumer({ group: 'group', topic: 'there', from: 'earliest' })
    void consumer.run(() => {
      throw new Reject('no')
    })
    assert.equal((await broker.waitFor('%DLQ%group')).length, 1)
    await broker.stop()
    await assert.rejects(producer.send({ topic: 'there', body: 'x' }), { code: 'connectionLost' })
  })
})
