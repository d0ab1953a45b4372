// The client of this project, `ternmq/client`, as a program under the runner: what it does with TernMQ it is to do with
// the real RocketMQ too.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, isRequest, Reject, Retry, sql } from '../../../dist/client/index.js'
import { ask, runChecks, until } from './checks.mjs'

const [namesrv, ...chosen] = process.argv.slice(2)
const client = await connect({ namesrv })
const producer = client.producer({ group: 'sdk', timeoutMs: 5000 })

/** A topic of its own for a check; done when it can be sent to. */
async function newTopic(name, queueCount = 4) {
  await client.admin.createTopic({ topic: name, queueCount })
  await until(async () => (await client.admin.queues(name).catch(() => [])).length === queueCount)
  return name
}

/** Consumes into a list. */
function collect(options, handler = () => undefined) {
  const seen = []
  const consumer = client.consumer({ from: 'earliest', ...options })
  void consumer.run(async (message, context) => {
    await handler(message, context)
    seen.push(message)
  })
  return { seen, consumer }
}

const textsOf = (messages) => messages.map(({ text }) => text).sort()

const checks = {
  async send() {
    const topic = await newTopic('sdk-send')
    const { seen } = collect({ group: 'sdk-send', topic })
    const long = 'long '.repeat(5000)
    const result = await producer.send({
      topic,
      body: long,
      tag: 't',
      keys: ['k1', 'k2'],
      properties: { a: 'ü' },
    })
    assert.equal(result.status, 'SEND_OK')
    await producer.sendOneway({ topic, body: 'oneway' })
    const batch = await producer.sendBatch(['b1', 'b2'].map((body) => ({ topic, body })))
    assert.equal(batch.messageIds.length, 2)
    const linger = client.producer({ group: 'sdk-linger', linger: { ms: 5 } })
    const lingered = await Promise.all(['l1', 'l2', 'l3'].map((body) => linger.send({ topic, body })))
    await until(() => seen.length === 7)
    const [first] = seen.filter(({ text }) => text === long)
    assert.deepEqual(
      [first.messageId, first.tag, first.keys, first.properties.get('a')],
      [result.messageId, 't', ['k1', 'k2'], 'ü'],
    )
    const ids = new Set(seen.map(({ messageId }) => messageId))
    for (const id of [...batch.messageIds, ...lingered.map(({ messageId }) => messageId)]) assert(ids.has(id))
  },

  async ordered() {
    const topic = await newTopic('sdk-ordered')
    const keys = ['a', 'b', 'c']
    for (let i = 0; i < 30; i++) await producer.send({ topic, body: String(i) }, { hashKey: keys[i % 3] })
    let isFirst = true
    const { seen } = collect({ group: 'sdk-ordered', topic, ordered: true, suspendMs: 50 }, ({ text }) => {
      if (text === '4' && isFirst) {
        isFirst = false
        throw new Error('not now')
      }
    })
    await until(() => seen.length === 30)
    for (const queueId of new Set(seen.map(({ queue }) => queue.queueId))) {
      const numbers = seen.filter(({ queue }) => queue.queueId === queueId).map(({ text }) => Number(text))
      assert.deepEqual(
        numbers,
        numbers.toSorted((one, other) => one - other),
      )
    }
  },

  async rebalance() {
    const topic = await newTopic('sdk-rebalance')
    const other = await connect({ namesrv })
    const numbers = new Set()
    const options = { group: 'sdk-rebalance', topic, from: 'earliest' }
    const take = ({ text }) => numbers.add(text)
    const first = client.consumer(options)
    void first.run(take)
    await first.start()
    for (let i = 0; i < 20; i++) await producer.send({ topic, body: String(i) })
    const second = other.consumer(options)
    void second.run(take)
    await until(() => first.queues.filter((queue) => queue.topic === topic).length === 2)
    await until(() => second.queues.filter((queue) => queue.topic === topic).length === 2)
    for (let i = 20; i < 40; i++) await producer.send({ topic, body: String(i) })
    await first.close()
    for (let i = 40; i < 60; i++) await producer.send({ topic, body: String(i) })
    await until(() => numbers.size === 60)
    await other.close()
  },

  async retry() {
    const topic = await newTopic('sdk-retry', 1)
    await producer.send({ topic, body: 'again' })
    await producer.send({ topic, body: 'unwanted' })
    const { seen } = collect({ group: 'sdk-retry', topic }, ({ text }, { deliveryCount }) => {
      if (text === 'unwanted') throw new Reject('unwanted')
      if (deliveryCount === 1) throw new Retry({ level: 1 })
    })
    await until(() => seen.length === 1)
    assert.deepEqual([seen[0].text, seen[0].reconsumeTimes, seen[0].topic], ['again', 1, topic])
    const dead = client.litePull({ group: 'sdk-dead', from: 'earliest' })
    await until(
      async () =>
        (await client.admin.queues('%DLQ%sdk-retry').catch(() => [])).length > 0 ||
        (await client.admin.route('%DLQ%sdk-retry').catch(() => undefined)),
    )
    await dead.close()
  },

  async pulls() {
    const topic = await newTopic('sdk-pulls')
    for (let i = 0; i < 12; i++) await producer.send({ topic, body: String(i) }, { queueIndex: i % 4 })
    const lite = client.litePull({ group: 'sdk-lite', from: 'earliest', autoCommit: false })
    const queues = await lite.queuesOf(topic)
    await lite.assign(queues)
    const messages = []
    while (messages.length < 12) messages.push(...(await lite.pull({ waitMs: 5000 })))
    assert.equal(new Set(textsOf(messages)).size, 12)
    await lite.seek(queues[0], 1)
    assert.deepEqual((await lite.pull({ waitMs: 5000 })).map(({ queueOffset }) => queueOffset)[0], 1)
    const iterated = client.consumer({ group: 'sdk-iterated', topic, from: 'earliest' })
    let count = 0
    for await (const _ of iterated) if (++count === 12) break
    await iterated.close()
  },

  async broadcast() {
    const topic = await newTopic('sdk-broadcast')
    const other = await connect({ namesrv })
    const options = { group: 'sdk-broadcast', topic, mode: 'broadcast' }
    const { seen } = collect(options)
    const also = []
    void other.consumer({ from: 'earliest', ...options }).run((message) => {
      also.push(message)
    })
    for (let i = 0; i < 5; i++) await producer.send({ topic, body: String(i) })
    await until(() => seen.length === 5 && also.length === 5)
    await other.close()
  },

  async filters() {
    const topic = await newTopic('sdk-filters')
    for (const price of ['3', '7'])
      await producer.send({ topic, body: price, tag: `p${price}`, properties: { price } })
    const priced = collect({ group: 'sdk-sql', topic, filter: sql`price > ${5}` }).seen
    const tagged = collect({ group: 'sdk-tag', topic, filter: 'p3 || none' }).seen
    await until(() => priced.length === 1 && tagged.length === 1)
    assert.deepEqual([priced[0].text, tagged[0].text], ['7', '3'])
    const wrong = client.consumer({ group: 'sdk-wrong', topic, filter: sql`price >` })
    await assert.rejects(wrong.start(), { code: 'subscriptionParseFailed' })
  },

  async delay() {
    const topic = await newTopic('sdk-delay', 1)
    const { seen } = collect({ group: 'sdk-delay', topic })
    const sentMs = Date.now()
    await producer.send({ topic, body: 'level', delayLevel: 2 })
    await producer.send({ topic, body: 'timer', delayMs: 3000 })
    const { recallHandle } = await producer.send({ topic, body: 'recalled', delayMs: 8000 })
    assert.equal(typeof recallHandle, 'string')
    await producer.recall(topic, recallHandle)
    await until(() => seen.length === 2)
    assert(Date.now() - sentMs >= 1900)
    await pause(Math.max(0, sentMs + 10_000 - Date.now()))
    assert.deepEqual(textsOf(seen), ['level', 'timer'])
  },

  async 'request-reply'() {
    const topic = await newTopic('sdk-request')
    const answers = client.producer({ group: 'sdk-answers' })
    collect({ group: 'sdk-request', topic }, async (message) => {
      if (isRequest(message)) await answers.reply(message, { body: `${message.text}!` })
    })
    const asker = await connect({ namesrv })
    const asking = asker.producer({ group: 'sdk-asker' })
    const replies = await Promise.all(
      ['a', 'b', 'c'].map((body) => asking.request({ topic, body }, { timeoutMs: 30_000 })),
    )
    assert.deepEqual(
      replies.map(({ text }) => text),
      ['a!', 'b!', 'c!'],
    )
    await asker.close()
  },

  async transaction() {
    const topic = await newTopic('sdk-transaction')
    const transactions = client.transactionProducer({
      group: 'sdk-transactions',
      check: async () => 'commit',
    })
    const { seen } = collect({ group: 'sdk-transaction', topic })
    for (const outcome of ['commit', 'rollback', 'unknown']) {
      const result = await transactions.send({ topic, body: outcome }, async () => outcome)
      assert.equal(result.outcome, outcome)
    }
    await until(() => seen.length === 2)
    assert.deepEqual(textsOf(seen), ['commit', 'unknown'])
  },

  async pop() {
    const topic = await newTopic('sdk-pop')
    for (let i = 0; i < 8; i++) await producer.send({ topic, body: String(i) })
    const consumer = client.pop({ group: 'sdk-pop', topic, invisibleMs: 10_000 })
    const seen = new Map()
    await until(async () => {
      for (const message of await consumer.pull({ waitMs: 1000 })) {
        seen.set(message.text, message.reconsumeTimes)
        if (message.text === '5' && message.reconsumeTimes === 0) await consumer.postpone(message, 2000)
        else await consumer.ack(message)
      }
      return seen.size === 8 && seen.get('5') > 0
    })
    for (const [text, times] of seen) assert.equal(times, text === '5' ? 1 : 0)
  },

  async 'kill-audit'() {
    const topic = await newTopic('sdk-audit')
    const next = [0, 0, 0, 0]
    const faults = []
    collect({ group: 'sdk-audit', topic, ordered: true }, ({ queue: { queueId }, text }) => {
      const number = Number(text)
      if (number === next[queueId]) next[queueId]++
      else if (number > next[queueId])
        faults.push(`queue ${queueId}: ${number} where ${next[queueId]} was due`)
    })
    const send = async (queueIndex, from, end) => {
      for (let number = from; number < end; ) {
        try {
          await producer.send({ topic, body: String(number) }, { queueIndex })
          number++
        } catch (error) {
          if (!error.retriable) throw error
          await pause(100)
        }
      }
    }
    const sendAll = (from, end) => Promise.all(next.map((_, queue) => send(queue, from, end)))
    await sendAll(0, 50)
    const sending = sendAll(50, 150)
    await ask('kill')
    await sending
    await ask('restart')
    await sendAll(150, 200)
    await until(() => next.every((number) => number === 200))
    assert.deepEqual(faults, [])
  },
}

await runChecks(checks, chosen)
await client.close({ drainMs: 1000 })
process.exit(0)
