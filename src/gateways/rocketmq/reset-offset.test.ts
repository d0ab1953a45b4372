import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { Language } from '../../protocol/language.ts'
import { decodeOffsetChanges, decodePreview } from '../../protocol/offset-moves.ts'
import { decodeOffsetTable } from '../../protocol/offset-table.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ClientCalls } from './connections.ts'
import { consumeProgressHandlers } from './consume-progress.ts'
import { ask, bodyOf } from './test-request.ts'

type Command = Parameters<ClientCalls['sendOneway']>[1]

interface Setup {
  readonly test: TestBroker
  readonly family: HandlerFamily
  readonly startMs: number
  readonly sent: [number, Command][]
}

/** Six messages in each of two queues, a second apart, and a group in the middle of both. */
async function setUp(t: TestContext, useServerSideResetOffset = true): Promise<Setup> {
  const test = TestBroker.open({ settings: { useServerSideResetOffset } })
  t.after(() => test.close())
  test.topic('orders', 2)
  test.broker.groups.forUse('billing')
  const startMs = test.clock.nowMs()
  for (let i = 0; i < 6; i++) {
    for (const queueId of [0, 1]) await test.send({ topic: 'orders', queueId })
    await test.clock.advance(1000)
  }
  for (const queueId of [0, 1]) test.broker.offsets.of('billing', 'orders').commit(queueId, 3)
  const sent: [number, Command][] = []
  const calls: ClientCalls = {
    sendOneway: (connectionId, command) => sent.push([connectionId, command]),
    invoke: () => assert.fail('no client is asked'),
  }
  return { test, startMs, sent, family: consumeProgressHandlers(test.broker, calls) }
}

async function reset(family: HandlerFamily, fields: Readonly<Record<string, string>>): Promise<number[]> {
  const wanted = {
    topic: 'orders',
    group: 'billing',
    timestamp: '0',
    isForce: 'true',
    queueId: '-1',
    offset: '-1',
  }
  const reply = await ask(family, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, {
    fields: { ...wanted, ...fields },
  })
  return [...decodeOffsetTable(bodyOf(reply)).values()]
}

describe('resetting offsets', () => {
  it('goes to the begin, to the end, or to a time', async (t) => {
    const { family, startMs } = await setUp(t)
    assert.deepEqual(await reset(family, { timestamp: '0' }), [0, 0])
    assert.deepEqual(await reset(family, { timestamp: '-1' }), [6, 6])
    assert.deepEqual(await reset(family, { timestamp: String(startMs + 1500) }), [2, 2])
    assert.deepEqual(await reset(family, { timestamp: String(startMs + 60_000) }), [6, 6])
  })

  it('sends the next pull of each queue there, and passes over commits until then', async (t) => {
    const { family, test } = await setUp(t)
    await reset(family, { timestamp: '0' })
    const { offsets, queries, store } = test.broker
    queries.commit('billing', { topic: 'orders', queueId: 0 }, 5)
    assert.equal(offsets.find('billing', 'orders')?.get(0), 0)
    assert.equal(test.pull('billing', 'orders', 0, 5), 0)
    assert.equal(store.reader.nextBeginOffset, 0)
    assert.equal(test.pull('billing', 'orders', 0, 0), 6)
    queries.commit('billing', { topic: 'orders', queueId: 0 }, 5)
    assert.equal(offsets.find('billing', 'orders')?.get(0), 5)
  })

  it('moves one queue only, by time or to an offset in its bounds', async (t) => {
    const { family, test } = await setUp(t)
    assert.deepEqual(await reset(family, { queueId: '1', offset: '5' }), [5])
    assert.deepEqual(await reset(family, { queueId: '1', timestamp: '-1' }), [6])
    assert.equal(test.broker.offsets.find('billing', 'orders')?.get(0), 3)
    const message = /offset 7 of queue 1 of topic orders, which reaches from 0 to 6/
    await assert.rejects(reset(family, { queueId: '1', offset: '7' }), { kind: 'invalidParameter', message })
    await assert.rejects(reset(family, { queueId: '2' }), { kind: 'invalidParameter' })
  })

  it('goes back only, unless it is forced', async (t) => {
    const { family, test } = await setUp(t)
    assert.deepEqual(await reset(family, { timestamp: '-1', isForce: 'false' }), [3, 3])
    assert.equal(test.broker.offsets.hasReset('billing', 'orders', 0), false)
    assert.deepEqual(await reset(family, { timestamp: '0', isForce: 'false' }), [0, 0])
    assert.equal(test.broker.offsets.hasReset('billing', 'orders', 0), true)
  })

  it('wants a topic that exists, and a group that does or may be made', async (t) => {
    const { family, test } = await setUp(t)
    await assert.rejects(reset(family, { topic: 'nothing', group: 'nobody' }), { kind: 'topicNotExist' })
    const fields = { ...{ topic: 'orders', group: 'nobody', timestamp: '0' }, isForce: 'true' }
    const preview = ask(family, RequestCode.TERN_PREVIEW_OFFSET_RESET, { fields })
    await assert.rejects(preview, { kind: 'groupNotExist' })
    assert.equal(test.broker.groups.get('nobody'), undefined)
    assert.deepEqual(await reset(family, { group: 'nobody', timestamp: '0' }), [0, 0])
    assert.ok(test.broker.groups.get('nobody'), 'made, as by any other use')
    await assert.rejects(reset(family, { timestamp: 'yesterday' }), { kind: 'invalidParameter' })
  })

  it('tells the clients to move themselves, where the setting says so', async (t) => {
    const { family, sent, test } = await setUp(t, false)
    test.consume('billing', ['orders'], 1)
    test.consume('billing', ['orders'], 2, Language.CPP)
    assert.deepEqual(await reset(family, { timestamp: '0' }), [0, 0])
    assert.equal(test.broker.offsets.find('billing', 'orders')?.get(0), 3)
    assert.deepEqual(
      sent.map(([id, { code }]) => [id, code]),
      [
        [1, 220],
        [2, 220],
      ],
    )
    const [java, cpp] = sent.map(([, command]) => command)
    const fields = { topic: 'orders', group: 'billing', timestamp: '0', isForce: 'false', queueId: '-1' }
    assert.deepEqual(java?.extFields, fields)
    assert.match(
      String(java?.body),
      /^\{"offsetTable":\{\{"brokerName":"broker-a","queueId":0,"topic":"orders"\}:0,/,
    )
    assert.match(
      String(cpp?.body),
      /^\{"offsetTable":\[\{"brokerName":"broker-a","offset":0,"queueId":0,"topic":"orders"\},/,
    )
  })

  it('is shown before, listed after, and undone', async (t) => {
    const { family, test } = await setUp(t)
    const fields = { topic: 'orders', group: 'billing', timestamp: '-1', isForce: 'true' }
    const preview = await ask(family, RequestCode.TERN_PREVIEW_OFFSET_RESET, { fields })
    assert.deepEqual(
      decodePreview(bodyOf(preview)).map(({ before, after }) => [before, after]),
      [
        [3, 6],
        [3, 6],
      ],
    )
    await reset(family, { timestamp: '-1' })
    const listed = await ask(family, RequestCode.TERN_LIST_OFFSET_CHANGES, { fields: { group: 'billing' } })
    const [change] = decodeOffsetChanges(bodyOf(listed))
    assert.equal(change?.kind, 'reset')
    const none = await ask(family, RequestCode.TERN_LIST_OFFSET_CHANGES, { fields: { group: 'other' } })
    assert.deepEqual(decodeOffsetChanges(bodyOf(none)), [])
    await ask(family, RequestCode.TERN_UNDO_OFFSET_CHANGE, { fields: { id: String(change?.id) } })
    assert.equal(test.broker.offsets.find('billing', 'orders')?.get(0), 3)
  })

  it('is kept where the clients move themselves, too', async (t) => {
    const { family, test } = await setUp(t, false)
    test.consume('billing', ['orders'], 1)
    await reset(family, { timestamp: '0' })
    assert.deepEqual(test.broker.offsetChanges.list()[0]?.moves[0], { queueId: 0, before: 3, after: 0 })
  })

  it('needs clients that are there to be told', async (t) => {
    const { family } = await setUp(t, false)
    await assert.rejects(reset(family, {}), { kind: 'consumerNotOnline' })
  })
})
