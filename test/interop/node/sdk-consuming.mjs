// Consumers of every kind.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import {
  allocateAveragely,
  allocateByCircle,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateNearby,
  Reject,
  Retry,
  sql,
} from '../../../dist/client/index.js'
import { until } from './checks.mjs'
import {
  another,
  client,
  collect,
  deadLetters,
  newTopic,
  producer,
  sendAll,
  textsOf,
} from './sdk-context.mjs'

export const consuming = {
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
    const other = await another()
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

  async strategies() {
    const topic = await newTopic('sdk-strategies', 6)
    const others = [await another(), await another()]
    const rooms = { roomOfQueue: () => 'room', roomOfClient: () => 'room' }
    const strategies = {
      averagely: allocateAveragely,
      circle: allocateByCircle,
      hash: allocateByConsistentHash(),
      config: undefined,
      nearby: allocateNearby(rooms, allocateAveragely),
    }
    for (const [name, strategy] of Object.entries(strategies)) {
      const queues = (await client.admin.queues(topic)).toSorted((one, other) => one.queueId - other.queueId)
      const consumers = [client, ...others].map((each, index) =>
        each.consumer({
          ...{ group: `sdk-strategy-${name}`, topic },
          strategy: strategy ?? allocateByConfig(queues.filter(({ queueId }) => queueId % 3 === index)),
        }),
      )
      await Promise.all(consumers.map((consumer) => consumer.start()))
      const shares = () =>
        consumers.map((consumer) =>
          consumer.queues.filter((queue) => queue.topic === topic).map(({ queueId }) => queueId),
        )
      // consistent hashing shares out as chance has it, the others in equal parts
      await until(() => {
        const all = shares().flat()
        const isWhole = all.length === 6 && new Set(all).size === 6
        return isWhole && (name === 'hash' || shares().every((share) => share.length === 2))
      })
      await Promise.all(consumers.map((consumer) => consumer.close()))
    }
    await Promise.all(others.map((each) => each.close()))
    // brokers in rooms are called room@name: of the others this strategy takes no queue
    const strategy = allocateByMachineRoom(new Set(['room']))
    const roomy = client.consumer({ group: 'sdk-strategy-room', topic, strategy })
    await roomy.start()
    assert.deepEqual(
      roomy.queues.filter((queue) => queue.topic === topic),
      [],
    )
    await roomy.close()
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

  async 'lite-subscribe'() {
    const topic = await newTopic('sdk-lite-subscribe')
    await sendAll(topic, ['a', 'b', 'c', 'd', 'e'])
    const lite = client.litePull({ group: 'sdk-lite-subscribed', from: 'earliest' })
    await lite.subscribe(topic)
    const seen = []
    while (seen.length < 5) seen.push(...(await lite.pull({ waitMs: 5000 })))
    assert.deepEqual(textsOf(seen), ['a', 'b', 'c', 'd', 'e'])
    await lite.commit()
    await lite.close()
    const [queue] = await client.admin.queues(topic)
    assert.equal(
      await client.admin.committedOffset('sdk-lite-subscribed', queue),
      await client.admin.maxOffset(queue),
    )
  },

  async 'manual-ack'() {
    const topic = await newTopic('sdk-manual', 1)
    await sendAll(topic, ['a', 'b', 'c', 'd'])
    const options = { group: 'sdk-manual', topic, from: 'earliest', manualAck: true }
    const consumer = client.consumer(options)
    const messages = []
    while (messages.length < 4) messages.push(...(await consumer.pull({ max: 4, waitMs: 5000 })))
    const [a, b, c, d] = messages
    consumer.ack(a)
    consumer.ack(b)
    consumer.ack(d)
    await consumer.commit()
    const [queue] = await client.admin.queues(topic)
    assert.equal(await client.admin.committedOffset('sdk-manual', queue), 2)
    assert.throws(() => consumer.ack(a), { code: 'invalidParameter' })
    assert.equal(c.text, 'c')
    await consumer.close()
    const again = client.consumer(options)
    const rest = []
    while (rest.length < 2) rest.push(...(await again.pull({ waitMs: 5000 })))
    assert.deepEqual(textsOf(rest), ['c', 'd'])
    await again.close()
  },

  async from() {
    const topic = await newTopic('sdk-from', 1)
    await sendAll(topic, ['old'])
    await pause(50)
    const time = new Date()
    await pause(50)
    await sendAll(topic, ['new'])
    // a broadcasting group has nothing committed anywhere; of a cluster's group brokers say 0 for a young queue
    const options = { topic, mode: 'broadcast' }
    const timed = collect({ group: 'sdk-from-time', ...options, from: time })
    const first = collect({ group: 'sdk-from-first', ...options })
    const last = collect({ group: 'sdk-from-last', ...options, from: 'latest' })
    await Promise.all([timed, first, last].map(({ consumer }) => consumer.start()))
    await until(() => first.seen.length === 2 && timed.seen.length === 1)
    await sendAll(topic, ['newest'])
    await until(() => first.seen.length === 3 && timed.seen.length === 2 && last.seen.length === 1)
    assert.deepEqual([textsOf(timed.seen), textsOf(last.seen)], [['new', 'newest'], ['newest']])
  },

  async flow() {
    const topic = await newTopic('sdk-flow', 1)
    const bodies = Array.from({ length: 60 }, (_, i) => String(i).padEnd(1000))
    await producer.sendBatch(bodies.map((body) => ({ topic, body })))
    const limits = { count: { countMax: 8 }, bytes: { bytesMax: 5000 }, span: { spanMax: 8 } }
    for (const [name, flow] of Object.entries(limits)) {
      let free
      const gate = new Promise((resolve) => {
        free = resolve
      })
      const options = { group: `sdk-flow-${name}`, topic, flow, pullBatchMax: 4, concurrency: 1 }
      const { seen, consumer } = collect(options, () => gate)
      await until(() => consumer.unsettledCount >= 4)
      await pause(300)
      // what is held when the limit is reached, and one more pull at most
      assert(consumer.unsettledCount < 16, `${name}: ${consumer.unsettledCount} held`)
      free()
      await until(() => seen.length === 60)
      await consumer.close()
    }
  },

  async pause() {
    const topic = await newTopic('sdk-pause', 1)
    const { seen, consumer } = collect({ group: 'sdk-pause', topic })
    await sendAll(topic, ['a'])
    await until(() => seen.length === 1)
    consumer.pause()
    await sendAll(topic, ['b', 'c'])
    await pause(300)
    assert.equal(seen.length, 1)
    consumer.resume()
    await until(() => seen.length === 3)
  },

  async drain() {
    const topic = await newTopic('sdk-drain', 1)
    await sendAll(topic, ['slow', 'late'])
    const outcomes = []
    const other = await another()
    const consumer = other.consumer({ group: 'sdk-drain', topic, from: 'earliest', concurrency: 1 })
    void consumer.run(async ({ text }, { signal }) => {
      outcomes.push(`begun ${text}`)
      await pause(500, undefined, { signal })
      outcomes.push(`done ${text}`)
    })
    await until(() => outcomes.length === 1)
    await other[Symbol.asyncDispose]()
    assert.deepEqual(outcomes, ['begun slow', 'done slow'])
    const { seen } = collect({ group: 'sdk-drain', topic })
    await until(() => seen.length === 1)
    await pause(300)
    assert.deepEqual(textsOf(seen), ['late'])
  },

  async signals() {
    const topic = await newTopic('sdk-signals', 1)
    const empty = await newTopic('sdk-signals-empty', 1)
    const reason = new Error('no longer wanted')
    const aborted = AbortSignal.abort(reason)
    const soon = () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 200)
      return controller.signal
    }
    await assert.rejects(producer.send({ topic, body: 'x' }, { signal: aborted }), reason)
    await assert.rejects(producer.sendBatch([{ topic, body: 'x' }], { signal: aborted }), reason)
    await assert.rejects(
      producer.request({ topic, body: 'nobody answers' }, { signal: soon(), timeoutMs: 20_000 }),
      reason,
    )
    const consumer = client.consumer({ group: 'sdk-signals', topic: empty })
    await assert.rejects(consumer.pull({ signal: soon() }), reason)
    await consumer.close()
    await assert.rejects(
      client.pop({ group: 'sdk-signals-pop', topic: empty, from: 'latest' }).pull({ signal: soon() }),
      reason,
    )
    const lite = client.litePull({ group: 'sdk-signals-lite' })
    await lite.assign(await lite.queuesOf(empty))
    await assert.rejects(lite.pull({ signal: soon() }), reason)
    // a handler that takes too long is told, and its message comes again
    const reasons = []
    const slow = collect(
      { group: 'sdk-signals-slow', topic, handlerTimeoutMs: 300 },
      async (_, { signal, deliveryCount }) => {
        if (deliveryCount > 1) return
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reasons.push(signal.reason.code)
        throw signal.reason
      },
    )
    await sendAll(topic, ['slow'])
    await until(() => slow.seen.some(({ text }) => text === 'slow'))
    assert.equal(reasons[0], 'timeout')
    // the signal of `run` closes it
    const ended = client.consumer({ group: 'sdk-signals-run', topic })
    await ended.run(() => undefined, { signal: soon() })
  },

  async broadcast() {
    const topic = await newTopic('sdk-broadcast')
    const other = await another()
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

  async 'offsets-file'() {
    const topic = await newTopic('sdk-offsets-file')
    const offsetsFile = 'sdk-offsets/broadcast.json'
    const options = { group: 'sdk-offsets-file', topic, mode: 'broadcast', offsetsFile }
    await sendAll(topic, ['a', 'b', 'c'])
    const first = collect(options)
    await until(() => first.seen.length === 3)
    await first.consumer.close()
    await sendAll(topic, ['d'])
    const second = collect(options)
    await until(() => second.seen.length > 0)
    await pause(300)
    assert.deepEqual(textsOf(second.seen), ['d'])
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

  async 'pop-run'() {
    const topic = await newTopic('sdk-pop-run')
    await sendAll(
      topic,
      Array.from({ length: 12 }, (_, i) => String(i)),
    )
    const consumer = client.pop({ group: 'sdk-pop-run', topic, invisibleMs: 20_000, concurrency: 4 })
    const seen = new Map()
    const running = consumer.run(async ({ text }, { deliveryCount }) => {
      if (text === '5' && deliveryCount === 1) throw new Retry({ ms: 2000 })
      if (text === '6') throw new Reject('unwanted')
      seen.set(text, deliveryCount)
    })
    await until(() => seen.size === 11)
    assert.equal(seen.get('5'), 2)
    const dead = await deadLetters('sdk-pop-run')
    assert.deepEqual(textsOf(dead), ['6'])
    await consumer.close()
    await running
  },
}
