import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClientError } from '#ternmq/client/index.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

const topic = 'orders'

describe('a broker that is restarted', () => {
  for (const onDisk of [false, true]) {
    it(`keeps messages and offsets ${onDisk ? 'on disk' : 'on a disk in memory'}`, async (t) => {
      const system = await TestSystem.start(t, { onDisk })
      const client = await system.client()
      await client.admin.createTopic({ topic, queueCount: 4 })
      await untilTopic(client, topic)
      const producer = client.producer()
      const first = client.consumer({ group: 'g', topic, from: 'earliest' })
      const seen: string[] = []
      const running = first.run(({ text }) => {
        seen.push(text)
      })
      for (let i = 0; i < 100; i++) await producer.send({ topic, body: `before ${i}` })
      await until(() => seen.length === 100)
      await first.close()
      await running
      for (let i = 0; i < 50; i++) await producer.send({ topic, body: `between ${i}` })
      await system.stopBroker()
      await system.startBroker()

      const second = client.consumer({ group: 'g', topic, from: 'earliest' })
      const seenAfter: string[] = []
      void second.run(({ text }) => {
        seenAfter.push(text)
      })
      await until(() => seenAfter.length === 50)
      await until(async () => (await sendOrFail(producer)) === 'SEND_OK')
      await until(() => seenAfter.length === 51)
      assert(seenAfter.every((text) => text === 'after' || text.startsWith('between')))
      const queues = await client.admin.queues(topic)
      let stored = 0
      for (const queue of queues) stored += await client.admin.maxOffset(queue)
      assert.equal(stored, 151)
    })
  }

  const sendOrFail = async (producer: {
    send(message: { topic: string; body: string }): Promise<{ status: string }>
  }) => {
    try {
      return (await producer.send({ topic, body: 'after' })).status
    } catch (error) {
      assert(error instanceof ClientError && error.retriable, String(error))
      return 'not yet'
    }
  }

  it('is found again by clients that were at work, with every acknowledged message', async (t) => {
    const system = await TestSystem.start(t)
    const [sending, consuming] = [await system.client(), await system.client()]
    await sending.admin.createTopic({ topic, queueCount: 4 })
    await untilTopic(sending, topic)
    const producer = sending.producer({ timeoutMs: 1000 })
    const acknowledged = new Set<string>()
    const failures: ClientError[] = []
    let isSending = true
    let number = 0
    const worker = async (): Promise<void> => {
      while (isSending) {
        const body = `m${number++}`
        try {
          await producer.send({ topic, body })
          acknowledged.add(body)
        } catch (error) {
          assert(error instanceof ClientError)
          failures.push(error)
          await untilTurn()
        }
      }
    }
    const workers = Array.from({ length: 8 }, worker)
    const seen = new Set<string>()
    void consuming.consumer({ group: 'g', topic, from: 'earliest' }).run(({ text }) => {
      seen.add(text)
    })
    await until(() => seen.size > 500)
    try {
      for (let round = 0; round < 2; round++) {
        await system.stopBroker()
        const failed = failures.length
        await until(() => failures.length > failed + 10)
        const before = acknowledged.size
        await system.startBroker()
        await until(() => acknowledged.size > before + 500)
      }
    } finally {
      isSending = false
      await Promise.all(workers)
    }
    await until(() => [...acknowledged].every((body) => seen.has(body)), 30_000)
    const odd = failures.filter(({ retriable }) => !retriable)
    assert.deepEqual(odd, [])
  })

  it('is found through another NameServer when one is gone', async (t) => {
    const system = await TestSystem.start(t)
    const stopOther = await system.addNamesrv()
    t.after(stopOther)
    await system.stopBroker()
    await system.startBroker()
    const client = await system.client()
    const producer = client.producer()
    await producer.send({ topic: 'one', body: 'x' })
    await system.stopNamesrv()
    await producer.send({ topic: 'two', body: 'x' })
    const seen: string[] = []
    void client.consumer({ group: 'g', topic: ['one', 'two'], from: 'earliest' }).run((message) => {
      seen.push(message.topic)
    })
    await until(() => seen.length === 2)
  })

  it('is reached by a client that waited for it', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    await system.stopBroker()
    const error = await client
      .producer()
      .send({ topic, body: 'x' })
      .catch((thrown) => thrown)
    assert(error instanceof ClientError)
    const seen: string[] = []
    void client.consumer({ group: 'g', topic, from: 'earliest' }).run(({ text }) => {
      seen.push(text)
    })
    await system.startBroker()
    await client.producer().send({ topic, body: 'here' })
    await until(() => seen.length === 1)
  })
})

/** Lets others work: a failed send is tried again at once otherwise. */
function untilTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20)
  })
}
