import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMPRESSION_FLAGS, compressBody } from '../protocol/message-body.ts'
import { encodeMessage, type MessageRecord } from '../protocol/message-codec.ts'
import { parseTagExpression } from '../protocol/tag-expression.ts'
import { type ReceivedMessage, readMessages } from './received-message.ts'

const queue = { topic: 'orders', brokerName: 'a', queueId: 3 }
const base: MessageRecord = {
  ...{ topic: 'orders', queueId: 3, queueOffset: 7, commitLogOffset: 4096, sysFlag: 0, flag: 9 },
  ...{ bornTimestamp: 11, bornHost: { ip: '10.0.0.1', port: 1 }, storeTimestamp: 12 },
  ...{ storeHost: { ip: '10.0.0.2', port: 10_911 }, reconsumeTimes: 2, preparedTransactionOffset: 0 },
  ...{ body: Buffer.from('hello'), propertiesBytes: Buffer.alloc(0) },
}
const properties = (values: Record<string, string>): Buffer =>
  Buffer.from(
    Object.entries(values)
      .map(([name, value]) => `${name}\u0001${value}\u0002`)
      .join(''),
  )

function read(records: readonly Partial<MessageRecord>[], filter = '*', of = queue): ReceivedMessage[] {
  const bytes = Buffer.concat([
    Buffer.alloc(5),
    ...records.map((each) => encodeMessage({ ...base, ...each })),
  ])
  return readMessages(bytes, { at: 5, end: bytes.length }, of, parseTagExpression(filter))
}

describe('ReceivedMessage', () => {
  it('has what the record holds', () => {
    const propertiesBytes = properties({ UNIQ_KEY: 'ID', TAGS: 'täg', KEYS: 'a  b', colour: 'grün' })
    const [message] = read([{ propertiesBytes }])
    assert(message)
    const { queueOffset, commitLogOffset, flag, bornMs, storedMs, reconsumeTimes, text, tag, keys, topic } =
      message
    assert.deepEqual(
      { queueOffset, commitLogOffset, flag, bornMs, storedMs, reconsumeTimes, text, tag, keys, topic },
      {
        ...{ queueOffset: 7, commitLogOffset: 4096, flag: 9, bornMs: 11, storedMs: 12, reconsumeTimes: 2 },
        ...{ text: 'hello', tag: 'täg', keys: ['a', 'b'], topic: 'orders' },
      },
    )
    assert.equal(message.messageId, 'ID')
    assert.equal(message.offsetMessageId, '0A00000200002A9F0000000000001000')
    assert.equal(message.properties.get('colour'), 'grün')
    assert.deepEqual(message.queue, queue)
  })

  it('takes the id of the broker where the sender gave none', () => {
    const [message] = read([{ storeHost: { ip: 'fd00::2', port: 10_911 } }])
    assert.equal(message?.messageId, 'FD00000000000000000000000000000200002A9F0000000000001000')
    assert.deepEqual(message?.storeHost, { ip: 'fd00::2', port: 10_911 })
  })

  it('names the topic that a message of a retry topic was sent to', () => {
    const retry = { ...queue, topic: '%RETRY%g' }
    const [message, plain] = read(
      [{ propertiesBytes: properties({ RETRY_TOPIC: 'orders' }) }, {}],
      '*',
      retry,
    )
    assert.equal(message?.topic, 'orders')
    assert.equal(plain?.topic, '%RETRY%g')
    const [other] = read([{ propertiesBytes: properties({ RETRY_TOPIC: 'elsewhere' }) }])
    assert.equal(other?.topic, 'orders')
  })

  it('decompresses bodies, old ones without a type too, and keeps a cap on them', () => {
    const body = Buffer.alloc(10_000, 'a')
    for (const sysFlag of [0x1, 0x301])
      assert.deepEqual(read([{ body: compressBody(body, 'zlib'), sysFlag }])[0]?.body, body)
    assert.deepEqual(
      read([{ body: compressBody(body, 'lz4'), sysFlag: COMPRESSION_FLAGS.lz4 }])[0]?.body,
      body,
    )
    const bomb = compressBody(Buffer.alloc(20 * 1024 * 1024), 'zlib')
    assert.throws(() => read([{ body: bomb, sysFlag: 0x301 }])[0]?.body, { kind: 'badRecord' })
    assert.throws(() => read([{ body: Buffer.from('no zlib'), sysFlag: 0x301 }])[0]?.body, {
      kind: 'badRecord',
    })
    assert.throws(() => read([{ body, sysFlag: 0x401 }])[0]?.body, {
      kind: 'notSupported',
      message: /^message .+: a body compressed by type 4/,
    })
  })
})

describe('readMessages', () => {
  it('drops messages whose tag shares a hash with one that is wanted', () => {
    const tagged = ['AaAa', 'BBBB', 'c', ''].map((tag, queueOffset) => ({
      queueOffset,
      propertiesBytes: tag === '' ? Buffer.alloc(0) : properties({ A: 'x', TAGS: tag }),
    }))
    const offsets = (filter: string) => read(tagged, filter).map(({ queueOffset }) => queueOffset)
    assert.deepEqual(offsets('AaAa || c'), [0, 2])
    assert.deepEqual(offsets('BBBB'), [1])
    assert.deepEqual(offsets('*'), [0, 1, 2, 3])
  })

  it('refuses damaged and cut messages, saying where', () => {
    const bytes = encodeMessage(base)
    const filter = parseTagExpression('*')
    for (let end = 1; end < bytes.length; end++) {
      assert.throws(
        () => readMessages(bytes, { at: 0, end }, queue, filter),
        { kind: 'badRecord' },
        `cut at ${end}`,
      )
    }
    const damaged = Buffer.from(bytes)
    damaged[90] = (damaged[90] ?? 0) ^ 1
    assert.throws(() => readMessages(damaged, { at: 0, end: bytes.length }, queue, filter), {
      message: /queue 3 of orders at a: /,
    })
  })
})
