import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { decodeMessages, type MessageExt } from '../../protocol/message-codec.ts'
import type { HandlerFamily, Reply } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { StoreSettings } from '../../store/store-settings.ts'
import { messageHandlers } from './messages.ts'
import { ask, bodyOf } from './test-request.ts'

function setUp(
  t: TestContext,
  store: Partial<StoreSettings> = {},
): { test: TestBroker; family: HandlerFamily } {
  const test = TestBroker.open({ store })
  t.after(() => test.close())
  for (const topic of ['orders', 'other']) test.topic(topic)
  return { test, family: messageHandlers(test.broker) }
}

const ANY_TIME = { beginTimestamp: '0', endTimestamp: '9223372036854775807' }

function query(family: HandlerFamily, fields: Readonly<Record<string, string>>): Promise<Reply> {
  const wanted = { topic: 'orders', maxNum: '64', ...ANY_TIME, ...fields }
  return ask(family, RequestCode.QUERY_MESSAGE, { fields: wanted })
}

async function found(family: HandlerFamily, fields: Readonly<Record<string, string>>): Promise<string[]> {
  const reply = await query(family, fields)
  return reply.code === ResponseCode.QUERY_NOT_FOUND ? [] : bodiesOf(decodeMessages(bodyOf(reply)))
}

function bodiesOf(messages: readonly MessageExt[]): string[] {
  return messages.map(({ body }) => body.toString())
}

describe('messageHandlers', () => {
  it('gives the message at an offset of the log, and nothing that begins elsewhere', async (t) => {
    const { family, test } = setUp(t)
    await test.send({ topic: 'orders', body: 'first' })
    const offset = await test.send({ topic: 'orders', body: 'second' })
    const at = (where: number): Promise<Reply> =>
      ask(family, RequestCode.VIEW_MESSAGE_BY_ID, { fields: { offset: String(where), topic: 'orders' } })
    assert.deepEqual(bodiesOf(decodeMessages(bodyOf(await at(offset)))), ['second'])
    for (const wrong of [offset + 1, offset + 4, -1, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const reply = await at(wrong)
      assert.equal(reply.code, ResponseCode.SYSTEM_ERROR, String(wrong))
      assert.equal(reply.remark, `can not find message by the offset, ${wrong}`)
    }
  })

  it('finds messages by each of their keys, the oldest first', async (t) => {
    const { family, test } = setUp(t)
    await test.send({ topic: 'orders', body: 'one', properties: { KEYS: 'k1 k2' } })
    await test.send({ topic: 'other', body: 'elsewhere', properties: { KEYS: 'k1' } })
    const last = await test.send({ topic: 'orders', body: 'two', properties: { KEYS: 'k2 k2' } })
    assert.deepEqual(await found(family, { key: 'k2' }), ['one', 'two'])
    assert.deepEqual(await found(family, { key: 'k1' }), ['one'])
    assert.deepEqual(await found(family, { key: 'k1', topic: 'other' }), ['elsewhere'])
    const { extFields } = await query(family, { key: 'k2' })
    assert.deepEqual(extFields, {
      indexLastUpdateTimestamp: String(test.clock.nowMs()),
      indexLastUpdatePhyoffset: String(last),
    })
  })

  it('finds a message by its unique key, and none by a key that only hashes alike', async (t) => {
    const { family, test } = setUp(t)
    // "Aa" and "BB" have one Java hash code
    await test.send({ topic: 'orders', body: 'Aa', properties: { KEYS: 'Aa', UNIQ_KEY: 'U-Aa' } })
    await test.send({ topic: 'orders', body: 'BB', properties: { KEYS: 'BB', UNIQ_KEY: 'U-BB' } })
    assert.deepEqual(await found(family, { key: 'Aa' }), ['Aa'])
    const unique = { key: 'U-BB', _UNIQUE_KEY_QUERY: 'true', maxNum: '0' }
    assert.deepEqual(await found(family, unique), ['BB'])
  })

  it('gives the newest, as many as are wanted and 64 at most', async (t) => {
    const { family, test } = setUp(t)
    const properties = { KEYS: 'k', UNIQ_KEY: 'u' }
    for (let i = 0; i < 70; i++) await test.send({ topic: 'orders', body: `m${i}`, properties })
    assert.deepEqual(await found(family, { key: 'k', maxNum: '2' }), ['m68', 'm69'])
    assert.equal((await found(family, { key: 'k', maxNum: '1000' })).length, 64)
    assert.equal((await found(family, { key: 'u', _UNIQUE_KEY_QUERY: 'true' })).length, 32)
    assert.deepEqual(await found(family, { key: 'k', maxNum: '-1' }), [])
  })

  it('keeps to the time asked for', async (t) => {
    const { family, test } = setUp(t)
    const startMs = test.clock.nowMs()
    for (let i = 0; i < 4; i++) {
      await test.send({ topic: 'orders', body: `m${i}`, properties: { KEYS: 'k' } })
      await test.clock.advance(400)
    }
    const between = { beginTimestamp: String(startMs + 400), endTimestamp: String(startMs + 800) }
    assert.deepEqual(await found(family, { key: 'k', ...between }), ['m1', 'm2'])
  })

  it('says that it found nothing, also where there is no index', async (t) => {
    const { family } = setUp(t)
    const reply = await query(family, { key: 'nope' })
    assert.deepEqual(reply, {
      code: ResponseCode.QUERY_NOT_FOUND,
      remark: 'can not find message, maybe time range not correct',
      extFields: { indexLastUpdateTimestamp: '0', indexLastUpdatePhyoffset: '0' },
    })
    const without = setUp(t, { index: undefined })
    await assert.rejects(query(without.family, { key: 'k' }), {
      kind: 'notFound',
      message: /messageIndexEnable/,
    })
  })

  it('stops before an answer is larger than a frame', async (t) => {
    const large = { commitLogFileBytes: 32 * 1024 * 1024, tailBytesMax: 64 * 1024 * 1024 }
    const { family, test } = setUp(t, large)
    for (let i = 0; i < 5; i++) {
      await test.send({ topic: 'orders', body: `${i}`.repeat(3 * 1024 * 1024), properties: { KEYS: 'k' } })
    }
    const bodies = await found(family, { key: 'k' })
    assert.deepEqual(
      bodies.map((body) => body[0]),
      ['3', '4'],
    )
  })
})
