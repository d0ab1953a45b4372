import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import {
  decodeBrokerConsumeStats,
  decodeConsumeStats,
  type OffsetWrapper,
} from '../../protocol/consume-stats.ts'
import { decodeConsumeTimeSpans } from '../../protocol/consume-time-span.ts'
import { decodeConsumerOffsets, decodeDelayOffsets } from '../../protocol/consumer-offsets.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { topicConfig } from '../../protocol/topic-config.ts'
import { consumeProgressHandlers } from './consume-progress.ts'
import { ask, bodyOf } from './test-request.ts'

const NO_CALLS = {
  sendOneway: () => assert.fail('no client is told'),
  invoke: () => assert.fail('no client is asked'),
}

/** Ten messages in queue 0 of `orders`, a second apart, and a group that has consumed four and pulled six. */
async function setUp(t: TestContext): Promise<{ test: TestBroker; family: HandlerFamily; startMs: number }> {
  const test = TestBroker.open()
  t.after(() => test.close())
  test.topic('orders', 2)
  const startMs = test.clock.nowMs()
  for (let i = 0; i < 10; i++) {
    await test.send({ topic: 'orders', body: `message ${i}` })
    await test.clock.advance(1000)
  }
  test.broker.groups.forUse('billing')
  const offsets = test.broker.offsets.of('billing', 'orders')
  offsets.notePull(0, 6)
  offsets.commit(0, 4)
  return { test, startMs, family: consumeProgressHandlers(test.broker, NO_CALLS) }
}

async function statsOf(
  family: HandlerFamily,
  fields: Readonly<Record<string, string>>,
): Promise<Record<string, OffsetWrapper>> {
  const reply = await ask(family, RequestCode.GET_CONSUME_STATS, {
    fields: { consumerGroup: 'billing', ...fields },
  })
  const { offsetTable } = decodeConsumeStats(bodyOf(reply))
  return Object.fromEntries(
    [...offsetTable].map(([{ queueId, topic }, offset]) => [`${topic}/${queueId}`, offset]),
  )
}

describe('consumeProgressHandlers', () => {
  it('tells how far a group is, what its clients hold included', async (t) => {
    const { family, startMs } = await setUp(t)
    assert.deepEqual(await statsOf(family, {}), {
      'orders/0': { brokerOffset: 10, consumerOffset: 4, pullOffset: 6, lastTimestamp: startMs + 3000 },
      'orders/1': { brokerOffset: 0, consumerOffset: 0, pullOffset: 0, lastTimestamp: 0 },
    })
  })

  it('believes no pull beyond the end of its queue', async (t) => {
    const { family, test } = await setUp(t)
    test.pull('billing', 'orders', 0, 1_000_000)
    assert.equal((await statsOf(family, {}))['orders/0']?.pullOffset, 10)
  })

  it('looks at the topics asked for, and else at those subscribed to', async (t) => {
    const { family, test } = await setUp(t)
    test.topic('payments', 1)
    test.broker.offsets.of('billing', 'payments').commit(0, 0)
    test.consume('billing', ['payments'])
    assert.deepEqual(Object.keys(await statsOf(family, {})), ['payments/0'])
    assert.deepEqual(Object.keys(await statsOf(family, { topic: 'orders' })), [])
    assert.deepEqual(Object.keys(await statsOf(family, { topicList: 'orders;nothing;' })), [
      'orders/0',
      'orders/1',
    ])
    // pulls that bring their filter are subscriptions, too
    test.pull('billing', 'orders', 0, 6)
    assert.deepEqual(Object.keys(await statsOf(family, { topic: 'orders' })), ['orders/0', 'orders/1'])
  })

  it('tells how far all groups are, and how much is left to do', async (t) => {
    const { family, test } = await setUp(t)
    test.broker.topics.put(topicConfig('in-order', { readQueueNums: 1, writeQueueNums: 1, order: true }))
    await test.send({ topic: 'in-order' })
    test.broker.groups.forUse('shipping')
    test.broker.offsets.of('shipping', 'in-order').commit(0, 0)
    const statsOfAll = async (isOrder: string): Promise<ReturnType<typeof decodeBrokerConsumeStats>> =>
      decodeBrokerConsumeStats(
        bodyOf(await ask(family, RequestCode.GET_BROKER_CONSUME_STATS, { fields: { isOrder } })),
      )
    const all = await statsOfAll('false')
    assert.deepEqual([all.brokerAddr, all.totalDiff, all.totalInflightDiff], ['127.0.0.1:10911', 7, 2])
    assert.equal(all.consumeStats.size, test.broker.groups.count)
    assert.equal(all.consumeStats.get('billing')?.[0]?.offsetTable.size, 2)
    const ordered = await statsOfAll('true')
    assert.equal(ordered.totalDiff, 1)
    assert.deepEqual(ordered.consumeStats.get('billing'), [])
  })

  it('lets others run while it walks many queues', async (t) => {
    const { family, test } = await setUp(t)
    test.topic('wide', 2000)
    test.broker.offsets.of('billing', 'wide').commit(0, 0)
    let isAnswered = false
    const asked = statsOf(family, {}).finally(() => {
      isAnswered = true
    })
    for (let i = 0; i < 10; i++) await Promise.resolve()
    assert.equal(isAnswered, false)
    await test.clock.settle()
    assert.equal(Object.keys(await asked).length, 2002)
  })

  it('tells how old messages are, and how late a group is', async (t) => {
    const { family, startMs, test } = await setUp(t)
    const code = RequestCode.QUERY_CONSUME_TIME_SPAN
    const reply = await ask(family, code, { fields: { topic: 'orders', group: 'billing' } })
    const [first, second] = decodeConsumeTimeSpans(bodyOf(reply))
    assert.deepEqual(first, {
      messageQueue: { topic: 'orders', brokerName: 'broker-a', queueId: 0 },
      minTimeStamp: startMs,
      maxTimeStamp: startMs + 9000,
      consumeTimeStamp: startMs + 3000,
      delayTime: test.clock.nowMs() - (startMs + 4000),
    })
    assert.deepEqual(
      [second?.minTimeStamp, second?.maxTimeStamp, second?.consumeTimeStamp, second?.delayTime],
      [-1, -1, -1, 0],
    )
    await assert.rejects(ask(family, code, { fields: { topic: 'nothing', group: 'billing' } }), {
      kind: 'topicNotExist',
    })
  })

  it('finds the smallest offsets of all groups, and spares a group that is behind them', async (t) => {
    const { family, test } = await setUp(t)
    const { offsets } = test.broker
    offsets.of('slow', 'orders').commit(0, 2)
    offsets.of('fast', 'orders').commit(0, 9)
    const corrections = async (fields: Readonly<Record<string, string>>): Promise<string> => {
      const asked = ask(family, RequestCode.QUERY_CORRECTION_OFFSET, {
        fields: { topic: 'orders', ...fields },
      })
      return bodyOf(await asked).toString()
    }
    assert.equal(await corrections({ compareGroup: 'fast' }), '{"correctionOffsets":{0:2}}')
    assert.equal(
      await corrections({ compareGroup: 'fast', filterGroups: 'slow' }),
      '{"correctionOffsets":{0:4}}',
    )
    const spared = await corrections({ compareGroup: 'slow', filterGroups: 'slow' })
    assert.equal(spared, '{"correctionOffsets":{0:9223372036854775807}}')
    assert.equal(offsets.find('slow', 'orders')?.get(0), 2)
  })

  it('gives a group the offsets of another', async (t) => {
    const { family, test } = await setUp(t)
    const clone = (fields: Readonly<Record<string, string>>): Promise<unknown> =>
      ask(family, RequestCode.CLONE_GROUP_OFFSET, {
        fields: { srcGroup: 'billing', offline: 'true', ...fields },
      })
    await clone({ destGroup: 'audit', topic: 'orders' })
    assert.equal(test.broker.offsets.find('audit', 'orders')?.get(0), 4)
    await clone({ destGroup: 'archive' })
    assert.equal(test.broker.offsets.find('archive', 'orders')?.get(0), 4)
    test.consume('billing', ['payments'])
    await clone({ destGroup: 'none', offline: 'false' })
    assert.equal(test.broker.offsets.find('none', 'orders'), undefined)
    await assert.rejects(clone({ destGroup: 'a@b' }), { kind: 'invalidParameter' })
  })

  it('gives replicas all offsets', async (t) => {
    const { family } = await setUp(t)
    const offsets = decodeConsumerOffsets(bodyOf(await ask(family, RequestCode.GET_ALL_CONSUMER_OFFSET)))
    assert.deepEqual(offsets.offsetTable, new Map([['orders@billing', new Map([[0, 4]])]]))
    const delays = decodeDelayOffsets(bodyOf(await ask(family, RequestCode.GET_ALL_DELAY_OFFSET)))
    assert.equal(delays.offsetTable.size, 0)
  })
})
