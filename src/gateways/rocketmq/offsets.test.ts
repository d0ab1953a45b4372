import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { TEST_START_MS } from '../../store/test-store.ts'
import { queueOffsetHandlers } from './offsets.ts'
import { ask } from './test-request.ts'

/** Three messages in queue 0, a second apart. */
async function setUp(
  t: TestContext,
): Promise<(code: number, more?: object) => Promise<Record<string, string>>> {
  const test = TestBroker.open()
  t.after(() => test.close())
  test.topic('orders')
  for (let i = 0; i < 3; i++) {
    await test.send({ topic: 'orders' })
    await test.clock.advance(1000)
  }
  const family = queueOffsetHandlers(test.broker)
  return async (code, more = {}) => {
    const { extFields } = await ask(family, code, { fields: { topic: 'orders', queueId: '0', ...more } })
    return { ...extFields }
  }
}

describe('queueOffsetHandlers', () => {
  it('tell where a queue begins and ends, and that there is none', async (t) => {
    const asked = await setUp(t)
    assert.deepEqual(await asked(RequestCode.GET_MAX_OFFSET), { offset: '3' })
    assert.deepEqual(await asked(RequestCode.GET_MIN_OFFSET), { offset: '0' })
    assert.deepEqual(await asked(RequestCode.GET_MAX_OFFSET, { queueId: '3' }), { offset: '0' })
    const { timestamp } = await asked(RequestCode.GET_EARLIEST_MSG_STORETIME)
    assert.equal(timestamp, String(TEST_START_MS))
    assert.deepEqual(await asked(RequestCode.GET_EARLIEST_MSG_STORETIME, { queueId: '3' }), {
      timestamp: '-1',
    })
  })

  it('find an offset by time, from below or from above', async (t) => {
    const asked = await setUp(t)
    const at = async (afterMs: number, boundaryType = {}): Promise<string | undefined> =>
      (
        await asked(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, {
          timestamp: String(TEST_START_MS + afterMs),
          ...boundaryType,
        })
      ).offset
    assert.deepEqual([await at(-5), await at(0), await at(500), await at(9000)], ['0', '0', '1', '3'])
    assert.equal(await at(1500, { boundaryType: 'UPPER' }), '1')
    await assert.rejects(at(0, { boundaryType: 'middle' }), { kind: 'invalidParameter' })
  })
})
