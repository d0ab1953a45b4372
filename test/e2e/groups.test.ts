import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Consumer } from '#ternmq/client/index.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

const topic = 'orders'

/** How many of the topic's queues each consumer has. */
function shares(consumers: readonly Consumer[]): number[] {
  return consumers.map(({ queues }) => queues.filter((queue) => queue.topic === topic).length)
}

async function clientsOf(system: TestSystem, count: number): Promise<Client[]> {
  return Promise.all(Array.from({ length: count }, () => system.client()))
}

describe('consumers of a group', () => {
  it('share the queues, and take over from one that leaves and from one that is cut off', async (t) => {
    const system = await TestSystem.start(t)
    const clients = await clientsOf(system, 3)
    const [first] = clients
    assert(first)
    await first.admin.createTopic({ topic, queueCount: 6 })
    await untilTopic(first, topic)
    const producer = first.producer()
    const seen = new Map<string, number>()
    const consumers = clients.map((client) => client.consumer({ group: 'g', topic, from: 'earliest' }))
    for (const consumer of consumers) {
      void consumer.run(({ text }) => {
        seen.set(text, (seen.get(text) ?? 0) + 1)
      })
    }
    const sendSome = async (round: string): Promise<void> => {
      const before = seen.size
      await Promise.all(
        Array.from({ length: 300 }, (_, i) => producer.send({ topic, body: `${round} ${i}` })),
      )
      await until(() => seen.size === before + 300)
    }
    await until(() => shares(consumers).join() === '2,2,2')
    await sendSome('three')
    await consumers[2]?.close()
    await until(() => shares(consumers.slice(0, 2)).join() === '3,3')
    await sendSome('two')
    // leaves without a word
    const other = clients[1]
    assert(other)
    await other.close({ drainMs: 0 })
    await until(() => shares(consumers.slice(0, 1)).join() === '6')
    await sendSome('one')
    const twice = [...seen.values()].filter((count) => count > 1).length
    assert(twice < 100, `${twice} of 900 were delivered more than once`)
  })

  it('keep the order of each key through a rebalance, one consumer a queue at a time', async (t) => {
    const system = await TestSystem.start(t)
    const clients = await clientsOf(system, 3)
    const [first] = clients
    assert(first)
    await first.admin.createTopic({ topic, queueCount: 4 })
    await untilTopic(first, topic)
    const producer = first.producer()
    const busy = new Set<number>()
    const seen = new Map<string, number[]>()
    const overlaps: string[] = []
    const handled = new Set<string>()
    const run = (client: Client, name: string): Consumer => {
      const consumer = client.consumer({ group: 'g', topic, from: 'earliest', ordered: true, suspendMs: 10 })
      void consumer.run(async ({ text, queue: { queueId } }) => {
        if (busy.has(queueId)) overlaps.push(`${name} ${text}`)
        busy.add(queueId)
        await pause(1)
        busy.delete(queueId)
        const [key = '', number = ''] = text.split(':')
        if (number === '33' && !handled.has(`failed ${key}`)) {
          handled.add(`failed ${key}`)
          throw new Error('once')
        }
        seen.set(key, [...(seen.get(key) ?? []), Number(number)])
        handled.add(text)
      })
      return consumer
    }
    const sendAll = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        // one after the other within a key, keys side by side
        await Promise.all(
          Array.from({ length: 8 }, (_, key) =>
            producer.send({ topic, body: `${key}:${i}` }, { hashKey: `k${key}` }),
          ),
        )
      }
    }
    run(first, 'first')
    const sending = sendAll(0, 100)
    await until(() => handled.size > 100)
    const second = run(clients[1] as Client, 'second')
    await until(() => handled.size > 300)
    run(clients[2] as Client, 'third')
    await sending
    await until(() => handled.size === 800 + 8)
    await second.close()
    await sendAll(100, 120)
    await until(() => handled.size === 960 + 8)
    assert.deepEqual(overlaps, [])
    for (const [key, numbers] of seen) {
      // what is delivered again goes back, but never forward past something that was not handled
      let next = 0
      for (const number of numbers) {
        assert(number <= next, `key ${key}: ${number} before ${next}`)
        next = Math.max(next, number + 1)
      }
      assert.equal(next, 120)
    }
  })

  it('all get every message by broadcast, and go on from their files', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ternmq-broadcast-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const system = await TestSystem.start(t)
    const clients = await clientsOf(system, 3)
    const [first] = clients
    assert(first)
    const producer = first.producer()
    await producer.send({ topic, body: '0' })
    await untilTopic(first, topic)
    const seen = clients.map(() => new Set<string>())
    const consume = (index: number): Consumer => {
      const offsetsFile = join(dir, String(index), 'offsets.json')
      const options = { group: 'g', topic, from: 'earliest', mode: 'broadcast', offsetsFile } as const
      const consumer = (clients[index] as Client).consumer(options)
      void consumer.run(({ text }) => {
        seen[index]?.add(text)
      })
      return consumer
    }
    const consumers = clients.map((_, index) => consume(index))
    for (let i = 1; i < 50; i++) await producer.send({ topic, body: String(i) })
    await until(() => seen.every(({ size }) => size === 50))
    await consumers[1]?.close()
    seen[1]?.clear()
    await producer.send({ topic, body: 'late' })
    consume(1)
    await until(() => seen[1]?.has('late') === true)
    assert.deepEqual([...(seen[1] ?? [])], ['late'])
  })
})
