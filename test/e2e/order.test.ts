import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { ClientError } from '#ternmq/client/index.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

const topic = 'orders'
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
const EVENTS = 25

describe('messages in order', () => {
  it('come one after the other through a rebalance and a restart of the broker (R13)', async (t) => {
    const system = await TestSystem.start(t)
    const sending = await system.client()
    await sending.admin.createTopic({ topic, queueCount: 4 })
    await untilTopic(sending, topic)
    const producer = sending.producer()
    const last = new Map(KEYS.map((key) => [key, -1]))
    const inHand = new Set<string>()
    const faults: string[] = []
    const handlers = new Set<string>()
    let handledCount = 0
    const consume = async (name: string): Promise<void> => {
      const client = await system.client()
      const consumer = client.consumer({ group: 'g', topic, from: 'earliest', ordered: true })
      void consumer.run(async ({ keys: [key = ''], text }) => {
        const number = Number(text)
        if (inHand.has(key)) faults.push(`${key} ${number}: another has it`)
        inHand.add(key)
        // what was handled and not committed may come again, with all behind it; nothing is passed over
        if (number > (last.get(key) ?? -1) + 1) faults.push(`${key} ${number} after ${last.get(key)}`)
        await pause(1)
        last.set(key, number)
        handlers.add(name)
        handledCount++
        inHand.delete(key)
      })
    }
    const send = async (key: string, number: number): Promise<void> => {
      for (;;) {
        try {
          await producer.send({ topic, body: String(number), keys: key }, { hashKey: key })
          return
        } catch (error) {
          assert(error instanceof ClientError && error.retriable, String(error))
        }
      }
    }
    await consume('first')
    for (let number = 0; number < EVENTS; number++) {
      for (const key of KEYS) await send(key, number)
      if (number === 5) await consume('second')
      if (number === 15) {
        await until(() => handlers.size === 2)
        // locks do not outlive the broker, as in RocketMQ (docs/order.md): what is in hand then may come to the other as well
        await until(() => KEYS.every((each) => last.get(each) === number))
        await system.stopBroker()
        await system.startBroker()
        await until(() => system.broker?.clients.consumerGroup('g')?.clients.length === 2)
      }
    }
    await until(() => KEYS.every((key) => last.get(key) === EVENTS - 1))
    assert.deepEqual(faults, [])
    assert.deepEqual([...handlers].sort(), ['first', 'second'])
    assert.ok(handledCount >= KEYS.length * EVENTS)
  })
})
