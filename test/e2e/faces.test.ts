import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import * as client from '#ternmq/client/index.ts'
import * as testing from '#ternmq/testing/index.ts'

/** CPU time that the first test broker of a process may cost. */
const FIRST_BROKER_CPU_MS = 50

const firstBroker = `
const { createTestBroker } = await import(process.argv[1])
const before = process.cpuUsage()
const broker = await createTestBroker()
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)
await broker.close()
`

async function firstBrokerMs(): Promise<number> {
  const args = ['--input-type=module', '--eval', firstBroker, import.meta.resolve('ternmq/testing')]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: {}, timeout: 60_000 })
  return Number(stdout)
}

describe('the published faces', () => {
  it('have what the modules have that they are made of', async () => {
    for (const [name, compiled] of Object.entries({ client, testing })) {
      const published: Record<string, unknown> = await import(`ternmq/${name}`)
      assert.deepEqual(Object.keys(published).sort(), Object.keys(compiled).sort())
    }
  })

  it('make the first test broker of a process in less than 50 ms', async () => {
    const costsMs: number[] = []
    while (costsMs.length < 5 && !costsMs.some((ms) => ms < FIRST_BROKER_CPU_MS))
      costsMs.push(await firstBrokerMs())
    assert.ok(Math.min(...costsMs) < FIRST_BROKER_CPU_MS, `CPU of several processes: ${costsMs} ms`)
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
