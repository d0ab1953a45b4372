import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeMessage, decodeMessages, encodeMessage, type MessageRecord } from './message-codec.ts'

const record: MessageRecord = {
  topic: 'T_GOLD',
  queueId: 3,
  queueOffset: 7,
  commitLogOffset: 4_294_967_296,
  sysFlag: 0x301,
  flag: -5,
  bornTimestamp: 1_795_224_471_006,
  bornHost: { ip: '127.0.0.1', port: 46_330 },
  storeTimestamp: 1_795_224_471_007,
  storeHost: { ip: '127.0.0.2', port: 30_911 },
  reconsumeTimes: 2,
  preparedTransactionOffset: 12,
  body: Buffer.from('hello 中'),
  propertiesBytes: Buffer.from('KEYS\u0001a\u0002TAGS\u0001x\u0002KEYS\u0001b\u0002'),
}

describe('message codec', () => {
  it('gives back what was written, for every kind of record', () => {
    const kinds: Partial<MessageRecord>[] = [
      {},
      { topic: `%RETRY%${'g'.repeat(200)}` },
      { bornHost: { ip: 'fd00::2', port: 1 } },
      { storeHost: { ip: '2001:db8::1', port: 65_535 } },
      { bornHost: { ip: '::1', port: 0 }, storeHost: { ip: '::1', port: 0 } },
      { body: Buffer.alloc(0), propertiesBytes: Buffer.alloc(0) },
      { body: Buffer.alloc(100_000, 7), propertiesBytes: Buffer.from(`k\u0001${'v'.repeat(32_700)}\u0002`) },
      { bornTimestamp: -1 },
    ]
    for (const kind of kinds) {
      const given = { ...record, ...kind }
      const bytes = encodeMessage(given)
      const { bodyCrc, properties, storeSizeBytes, sysFlag, ...decoded } = decodeMessage(bytes)
      const { sysFlag: givenSysFlag, ...rest } = given
      assert.deepEqual(decoded, rest)
      assert.equal(sysFlag & 0xf0f, givenSysFlag)
      assert.equal(storeSizeBytes, bytes.length)
      assert.deepEqual(encodeMessage(decodeMessage(bytes)), bytes)
      assert.equal(properties.get('KEYS'), kind.propertiesBytes === undefined ? 'b' : undefined)
      assert.equal(typeof bodyCrc, 'number')
    }
  })

  it('reads the messages of a pull body one behind the other', () => {
    const bodies = ['one', 'two', 'three']
    const bytes = Buffer.concat(bodies.map((body) => encodeMessage({ ...record, body: Buffer.from(body) })))
    assert.deepEqual(
      decodeMessages(bytes).map(({ body }) => body.toString()),
      bodies,
    )
    assert.deepEqual(decodeMessages(Buffer.alloc(0)), [])
  })

  it('refuses every record that is cut, and every body that is', () => {
    const bytes = encodeMessage(record)
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeMessage(bytes.subarray(0, end)), { kind: 'badRecord' }, `${end} bytes`)
      if (end === 0) continue
      const twice = Buffer.concat([bytes, bytes.subarray(0, end)])
      assert.throws(() => decodeMessages(twice), { kind: 'badRecord' }, `${end} bytes of the second`)
    }
  })

  it('refuses lengths and magic numbers that lie', () => {
    const bytes = encodeMessage(record)
    const topicAt = 88 + record.body.length
    const propertiesAt = topicAt + 1 + record.topic.length
    for (const at of [0, 4, 84, topicAt, propertiesAt]) {
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const lying = Buffer.from(bytes)
        if (lying[at] === byte) continue
        lying[at] = byte
        assert.throws(() => decodeMessage(lying), { kind: 'badRecord' }, `byte ${at} as ${byte}`)
      }
    }
  })

  it('refuses a body that has changed, and offsets beyond 2^53', () => {
    const changed = encodeMessage(record)
    changed[90] = 0
    assert.throws(() => decodeMessage(changed), { kind: 'badRecord', message: /body CRC/ })
    const far = encodeMessage(record)
    far[20] = 0x7f
    assert.throws(() => decodeMessage(far), { kind: 'badRecord', message: /beyond 2\^53/ })
  })

  it('refuses to write what does not fit its length field', () => {
    const long = Buffer.alloc(32_768, 'x')
    assert.throws(() => encodeMessage({ ...record, propertiesBytes: long }), { kind: 'messageIllegal' })
    assert.throws(() => encodeMessage({ ...record, topic: String(long) }), { kind: 'messageIllegal' })
  })
})
