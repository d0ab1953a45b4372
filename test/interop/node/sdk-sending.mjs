// Sends of every kind.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { isRequest } from '../../../dist/client/index.js'
import { until } from './checks.mjs'
import { another, client, collect, javaPeer, newTopic, producer, textsOf } from './sdk-context.mjs'

export const sending = {
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

  async select() {
    const topic = await newTopic('sdk-select')
    const select = (queues, { body }) => queues[Number(body) % queues.length]
    for (let i = 0; i < 8; i++) {
      const { queue } = await producer.send({ topic, body: String(i) }, { select })
      assert.equal(queue.queueId, i % 4)
    }
    const hashed = await Promise.all(
      ['a', 'a', 'a'].map((hashKey) => producer.send({ topic, body: 'x' }, { hashKey })),
    )
    assert.equal(new Set(hashed.map(({ queue }) => queue.queueId)).size, 1)
    const narrow = client.producer({ group: 'sdk-narrow', inFlightMax: 4 })
    const sends = Array.from({ length: 200 }, (_, i) => narrow.send({ topic, body: String(i) }))
    assert.equal(narrow.pendingCount, 200)
    assert.equal((await Promise.all(sends)).filter(({ status }) => status === 'SEND_OK').length, 200)
  },

  async compression() {
    const codecs = process.versions.node.startsWith('20.') ? ['zlib', 'lz4'] : ['zlib', 'lz4', 'zstd']
    const [there, back] = [await newTopic('sdk-compressed', 1), await newTopic('sdk-compressed-back', 1)]
    const { seen } = collect({ group: 'sdk-compressed-back', topic: back })
    for (const compression of codecs) {
      const packer = client.producer({ group: `sdk-${compression}`, compression })
      await packer.send({ topic: there, body: `${compression} `.repeat(3000), tag: compression })
    }
    const child = javaPeer('compression', there, back, String(codecs.length))
    await until(() => seen.length === codecs.length || child.exitCode)
    // the Java client has read each, and sent it again compressed in the same way
    const kinds = new Map(seen.map(({ tag, text, sysFlag }) => [tag, [text, (sysFlag >> 8) & 7]]))
    for (const [index, compression] of codecs.entries())
      assert.deepEqual(kinds.get(compression), [`${compression} `.repeat(3000), [3, 1, 2][index]])
    if (codecs.length === 2)
      assert.throws(() => client.producer({ compression: 'zstd' }), { code: 'notSupported' })
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
    const asker = await another()
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

  async 'request-reply-java'() {
    const [asked, answered] = [await newTopic('sdk-request-java', 2), await newTopic('sdk-reply-java', 2)]
    const replier = javaPeer('replier', asked, 'sdk-java-replier')
    const asker = await another()
    const asking = asker.producer({ group: 'sdk-java-asker' })
    try {
      for (const body of ['a', 'b', 'ü']) {
        const { text } = await asking.request({ topic: asked, body }, { timeoutMs: 60_000 })
        assert.equal(text, `re: ${body}`)
      }
    } finally {
      replier.kill()
    }
    const answers = client.producer({ group: 'sdk-java-answers' })
    collect({ group: 'sdk-java-request', topic: answered }, (message) =>
      answers.reply(message, { body: `re: ${message.text}` }),
    )
    const [code] = await once(javaPeer('requester', answered), 'exit')
    assert.equal(code, 0, 'the Java client was answered')
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
}
