// Alibaba's client for Node.js as a program under the runner. It signs every request, does not compress
// what is below 4 KiB, and makes no topics.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import ons from 'ali-ons'
import { connect } from '../../../dist/client/index.js'
import { ask, runChecks, until } from '../node/checks.mjs'

const { Consumer, Message, Producer } = ons
const [namesrv, accessKey, secretKey, ...chosen] = process.argv.slice(2)
const admin = await connect({ namesrv, accessKey, secretKey })

const log = (...words) => process.stderr.write(`${words.join(' ')}\n`)
const options = {
  nameSrv: namesrv,
  accessKeyId: accessKey,
  accessKeySecret: secretKey,
  // asked for where the name servers are, which it is told
  httpclient: { request: async () => ({ status: 500 }) },
  logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
  pollNameServerInteval: 500,
  rebalanceInterval: 1000,
  heartbeatBrokerInterval: 2000,
  pullTimeDelayMillsWhenException: 200,
}
const producer = new Producer({ ...options, producerGroup: 'ali-producer' })
producer.on('error', log)
await producer.ready()

/** A topic of its own for a check; done when the name server knows it. */
async function newTopic(name, queueCount = 4) {
  await admin.admin.createTopic({ topic: name, queueCount })
  await until(async () => (await admin.admin.queues(name).catch(() => [])).length === queueCount)
  return name
}

function send(topic, body, { tag, ...more } = {}) {
  const message = new Message(topic, tag ?? '', body)
  const { properties, ...fields } = more
  Object.assign(message, fields)
  Object.assign(message.properties, properties)
  return producer.send(message)
}

/** Consumes into a list; what `handle` returns is what the client is told. */
function consume(topic, group, { filter = '*', handle = () => undefined, ...more } = {}) {
  const consumer = new Consumer({
    ...options,
    ...{ consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', instanceName: group },
    ...more,
  })
  consumer.on('error', log)
  const seen = []
  consumer.subscribe(topic, filter, async (message) => {
    seen.push({ ...message, text: message.body.toString(), keys: message.keys, tags: message.tags })
    return handle(message)
  })
  return { seen, consumer }
}

/** How long to listen for what should not come. */
const SILENCE_MS = 500

const textsOf = (messages) => messages.map(({ text }) => text).sort()

const checks = {
  async send() {
    const topic = await newTopic('ali-send')
    const long = randomBytes(20_000).toString('hex')
    const { sendStatus, msgId } = await send(topic, long, {
      ...{ tag: 't', keys: ['k1', 'k2'] },
      properties: { a: 'ü', b: '' },
    })
    assert.equal(sendStatus, 'SEND_OK')
    const short = Array.from({ length: 24 }, (_, index) => `ü${index}`)
    for (const body of short) await send(topic, body)
    const { seen, consumer } = consume(topic, 'ali-send')
    await until(() => seen.length >= 25)
    await pause(SILENCE_MS)
    assert.deepEqual(textsOf(seen), [...short, long].sort())
    const [first] = seen.filter(({ text }) => text === long)
    assert.deepEqual([first.msgId, first.tags, first.keys, first.properties.a], [msgId, 't', 'k1 k2', 'ü'])
    await consumer.close()
  },

  async filters() {
    const topic = await newTopic('ali-filters')
    for (const price of ['3', '7']) await send(topic, price, { tag: `p${price}`, properties: { price } })
    const priced = consume(topic, 'ali-sql', {
      filter: { expressionType: 'SQL92', subString: 'price > 5' },
    })
    const tagged = consume(topic, 'ali-tag', { filter: 'p3 || none' })
    await until(() => priced.seen.length === 1 && tagged.seen.length === 1)
    assert.deepEqual([priced.seen[0].text, tagged.seen[0].text], ['7', '3'])
    await Promise.all([priced.consumer.close(), tagged.consumer.close()])
  },

  async ordered() {
    const topic = await newTopic('ali-ordered')
    // keys of three queues; the client takes no notice of a key whose queue would be 0
    const keys = ['a', 'b', 'e']
    for (let i = 0; i < 30; i++) await send(topic, String(i), { shardingKey: keys[i % 3] })
    const { seen, consumer } = consume(topic, 'ali-ordered')
    await until(() => seen.length === 30)
    for (const [index] of keys.entries()) {
      const numbers = seen.map(({ text }) => Number(text)).filter((number) => number % 3 === index)
      assert.deepEqual(
        numbers,
        numbers.toSorted((one, other) => one - other),
      )
    }
    await consumer.close()
  },

  async retry() {
    const topic = await newTopic('ali-retry', 1)
    const { msgId } = await send(topic, 'again')
    const times = []
    const { seen, consumer } = consume(topic, 'ali-retry', {
      handle({ reconsumeTimes }) {
        times.push(reconsumeTimes)
        // the client takes no notice of what is returned for a message that came back
        if (reconsumeTimes === 1) throw new Error('not now')
        return reconsumeTimes === 0 ? Consumer.ACTION_RETRY : undefined
      },
    })
    await until(() => seen.length === 3)
    assert.deepEqual(times, [0, 1, 2])
    assert.deepEqual([seen[2].topic, seen[2].properties.ORIGIN_MESSAGE_ID], [topic, msgId])
    await consumer.close()
  },

  async delay() {
    const topic = await newTopic('ali-delay', 1)
    const { seen, consumer } = consume(topic, 'ali-delay')
    const sentMs = Date.now()
    await send(topic, 'level', { delayTimeLevel: 2 })
    await until(() => seen.length === 1)
    assert(Date.now() - sentMs >= 2000)
    await consumer.close()
  },

  async broadcast() {
    const topic = await newTopic('ali-broadcast')
    const members = ['one', 'other'].map((instanceName) =>
      consume(topic, 'ali-broadcast', { isBroadcast: true, instanceName }),
    )
    await Promise.all(members.map(({ consumer }) => consumer.ready()))
    for (let i = 0; i < 24; i++) await send(topic, String(i))
    for (const { seen, consumer } of members) {
      await until(() => new Set(textsOf(seen)).size === 24)
      await consumer.close()
    }
  },

  async rebalance() {
    const topic = await newTopic('ali-rebalance')
    const [first, second] = ['one', 'other'].map((instanceName) =>
      consume(topic, 'ali-rebalance', { instanceName }),
    )
    const queuesOf = ({ consumer }) =>
      [...consumer.processQueueTable.keys()].filter((key) => key.includes(`"${topic}"`)).length
    await until(() => queuesOf(first) === 2 && queuesOf(second) === 2)
    for (let i = 0; i < 20; i++) await send(topic, String(i))
    await until(() => new Set([...first.seen, ...second.seen].map(({ text }) => text)).size === 20)
    assert(first.seen.length > 0 && second.seen.length > 0)
    await first.consumer.close()
    await until(() => queuesOf(second) === 4)
    for (let i = 20; i < 40; i++) await send(topic, String(i))
    await until(() => new Set([...first.seen, ...second.seen].map(({ text }) => text)).size === 40)
    await second.consumer.close()
  },

  async restart() {
    const topic = await newTopic('ali-restart')
    const before = consume(topic, 'ali-restart')
    for (let i = 0; i < 10; i++) await send(topic, String(i))
    await until(() => before.seen.length === 10)
    const queues = await admin.admin.queues(topic)
    await until(async () => {
      const committed = await Promise.all(
        queues.map((queue) => admin.admin.committedOffset('ali-restart', queue)),
      )
      return committed.reduce((sum, offset) => sum + (offset ?? 0), 0) === 10
    })
    await before.consumer.close()
    await ask('restart')
    await until(async () => (await send(topic, 'after').catch(() => undefined)) !== undefined)
    const after = consume(topic, 'ali-restart')
    await until(() => after.seen.length > 0)
    await pause(SILENCE_MS)
    assert.deepEqual(
      textsOf(after.seen),
      after.seen.map(() => 'after'),
    )
    await after.consumer.close()
  },

  async 'wrong-secret'() {
    const topic = await newTopic('ali-wrong', 1)
    const stranger = new Producer({
      ...options,
      ...{ producerGroup: 'ali-stranger', instanceName: 'stranger', accessKeySecret: 'wrong' },
    })
    stranger.on('error', () => undefined)
    await stranger.ready()
    await assert.rejects(stranger.send(new Message(topic, 'x')))
    // what it says in going is refused too
    await stranger.close().catch(log)
  },
}

await runChecks(checks, chosen)
process.exit(0)
