import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { decodeBrokerStats } from '../../protocol/broker-stats.ts'
import { decodeConsumeQueueRange } from '../../protocol/consume-queue-data.ts'
import { javaHashCode } from '../../protocol/java-hash.ts'
import { decodeKvTable } from '../../protocol/kv-table.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { StoreSettings } from '../../store/store-settings.ts'
import { TEST_START_MS, testSettings } from '../../store/test-store.ts'
import { brokerInfoHandlers } from './broker-info.ts'
import { ask, bodyOf } from './test-request.ts'

function setUp(
  t: TestContext,
  store: Partial<StoreSettings> = {},
): { test: TestBroker; family: HandlerFamily } {
  const test = TestBroker.open({ store })
  t.after(() => test.close())
  test.topic('orders', 1)
  return { test, family: brokerInfoHandlers(test.broker) }
}

async function runtimeInfoOf(family: HandlerFamily): Promise<Map<string, string>> {
  return decodeKvTable(bodyOf(await ask(family, RequestCode.GET_BROKER_RUNTIME_INFO)))
}

describe('brokerInfoHandlers', () => {
  it('tells of the broker in the words that tools read', async (t) => {
    const { family, test } = setUp(t)
    const startMs = test.clock.nowMs()
    for (let i = 0; i < 20; i++) await test.send({ topic: 'orders', body: 'x'.repeat(50) })
    test.pull('billing', 'orders', 0, 0)
    await test.clock.advance(3_661_000)
    const info = await runtimeInfoOf(family)
    const { store } = test.broker
    const expected: Record<string, string> = {
      brokerVersionDesc: 'V5_5_1',
      bootTimestamp: String(startMs),
      runtime: '[ 0 days, 1 hours, 1 minutes, 1 seconds ]',
      putMessageTimesTotal: '20',
      putTps: '0.0 0.0 0.0',
      msgPutTotalTodayNow: '20',
      msgGetTotalTodayNow: '20',
      commitLogMinOffset: '0',
      commitLogMaxOffset: String(store.log.end),
      dispatchBehindBytes: '0',
      remainHowManyDataToFlush: '0 B',
      earliestMessageTimeStamp: String(startMs),
      sendThreadPoolQueueSize: '0',
      timerEnqueueTps: '0.0',
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(info.get(name), value, name)
    assert.ok(Number(info.get('putMessageSizeTotal')) <= store.log.end)
    assert.ok(Number(info.get('putMessageSizeTotal')) > 20 * 50)
    assert.match(info.get('commitLogDirCapacity') ?? '', /^Total : \d+(\.\d)? \w+, Free : \d+(\.\d)? \w+\.$/)
  })

  it('tells rates as three numbers, and what is not on the disk yet', async (t) => {
    const { family, test } = setUp(t)
    await test.clock.advance(15_000)
    for (let i = 0; i < 20; i++) test.put({ topic: 'orders', body: 'x'.repeat(50) })
    await test.clock.settle()
    assert.match((await runtimeInfoOf(family)).get('remainHowManyDataToFlush') ?? '', /^\d\.\d KiB$/)
    await test.clock.advance(10_000)
    assert.equal((await runtimeInfoOf(family)).get('putTps'), '2.0 1.0 1.0')
  })

  it('tells how far the delay levels are that are used', async (t) => {
    const { family, test } = setUp(t)
    for (const level of ['1', '1', '3']) await test.send({ topic: 'orders', properties: { DELAY: level } })
    await test.clock.advance(1500)
    const told = [...(await runtimeInfoOf(family))].filter(([name]) =>
      name.startsWith('scheduleMessageOffset'),
    )
    assert.deepEqual(told, [
      ['scheduleMessageOffset_1', '2,2'],
      ['scheduleMessageOffset_3', '0,1'],
    ])
  })

  it('tells the statistics of a topic, or that there are none', async (t) => {
    const { family, test } = setUp(t)
    await test.send({ topic: 'orders' })
    await test.clock.advance(10_000)
    const stats = (statsKey: string): ReturnType<typeof ask> =>
      ask(family, RequestCode.VIEW_BROKER_STATS_DATA, { fields: { statsName: 'TOPIC_PUT_NUMS', statsKey } })
    assert.equal(decodeBrokerStats(bodyOf(await stats('orders'))).statsMinute.sum, 1)
    const none = await stats('nothing')
    assert.equal(none.code, ResponseCode.SYSTEM_ERROR)
    assert.equal(none.remark, 'The stats <TOPIC_PUT_NUMS> <nothing> not exist')
  })

  it('shows the entries of a queue', async (t) => {
    const { family, test } = setUp(t)
    const offsets = []
    for (const TAGS of ['A', 'B', 'C'])
      offsets.push(await test.send({ topic: 'orders', properties: { TAGS } }))
    test.consume('billing', ['orders'])
    const show = (fields: Readonly<Record<string, string>>): ReturnType<typeof ask> => {
      const wanted = { topic: 'orders', queueId: '0', index: '1', count: '5', ...fields }
      return ask(family, RequestCode.QUERY_CONSUME_QUEUE, { fields: wanted })
    }
    const { maxQueueIndex, minQueueIndex, queueData, subscriptionData } = decodeConsumeQueueRange(
      bodyOf(await show({})),
    )
    assert.deepEqual([minQueueIndex, maxQueueIndex, subscriptionData], [0, 3, undefined])
    assert.deepEqual(
      queueData.map(({ physicOffset, tagsCode }) => [physicOffset, Number(tagsCode)]),
      [
        [offsets[1], javaHashCode('B')],
        [offsets[2], javaHashCode('C')],
      ],
    )
    const ofGroup = decodeConsumeQueueRange(bodyOf(await show({ consumerGroup: 'billing', count: '1' })))
    assert.deepEqual([ofGroup.queueData.length, ofGroup.subscriptionData?.topic], [1, 'orders'])
    const offline = decodeConsumeQueueRange(bodyOf(await show({ consumerGroup: 'nobody', index: '9' })))
    assert.deepEqual([offline.queueData, offline.filterData], [[], 'nobody@orders is not online!'])
    const unknown = await show({ queueId: '7' })
    assert.deepEqual([unknown.code, unknown.remark], [ResponseCode.SYSTEM_ERROR, '7@orders is not exist!'])
  })

  it('deletes what has expired when told to', async (t) => {
    const retention = { ...testSettings().retention, fileReservedHours: 1 }
    const { family, test } = setUp(t, { retention })
    for (let i = 0; i < 100; i++) await test.send({ topic: 'orders', body: 'x'.repeat(200) })
    await test.clock.advance(3_700_000)
    await test.send({ topic: 'orders' })
    const { log, queues } = test.broker.store
    await ask(family, RequestCode.DELETE_EXPIRED_COMMITLOG)
    assert.ok(log.minOffset > 0)
    await ask(family, RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE)
    const files = queues.existing('orders', 0)?.files
    assert.ok(files && files.firstOffset > 0)
  })

  it('answers replicas that it is a master without any', async (t) => {
    const { family, test } = setUp(t)
    await test.send({ topic: 'orders' })
    const body = bodyOf(await ask(family, RequestCode.GET_BROKER_HA_STATUS)).toString()
    assert.match(body, /"master":true,/)
    assert.match(body, new RegExp(`"masterCommitLogMaxOffset":${test.broker.store.log.end}\\b`))
    assert.equal(bodyOf(await ask(family, RequestCode.GET_TIMER_CHECK_POINT)).length, 56)
  })

  it('tells how many timer messages wait for which topic, as TimerMetrics is written', async (t) => {
    const { family, test } = setUp(t)
    const text = async (): Promise<string> =>
      bodyOf(await ask(family, RequestCode.GET_TIMER_METRICS)).toString()
    assert.equal(
      await text(),
      '{"dataVersion":{"counter":0,"stateVersion":0,"timestamp":0},"timingCount":{}}',
    )
    for (const seconds of ['5', '9']) {
      await test.send({ topic: 'orders', properties: { TIMER_DELAY_SEC: seconds } })
      await test.clock.advance(100)
    }
    const [version, count] = [
      `{"counter":2,"stateVersion":0,"timestamp":${TEST_START_MS + 100}}`,
      `{"count":2,"timeStamp":${TEST_START_MS + 100}}`,
    ]
    assert.equal(await text(), `{"dataVersion":${version},"timingCount":{"orders":${count}}}`)
    await test.clock.advance(6000)
    assert.match(await text(), /"timingCount":\{"orders":\{"count":1,/)
    await test.clock.advance(6000)
    assert.match(await text(), /"timingCount":\{\}/)
  })
})
