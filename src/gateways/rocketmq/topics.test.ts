import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { encodeDataVersion } from '../../protocol/data-version.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import {
  decodeTopicConfig,
  decodeTopicConfigTable,
  encodeTopicConfigList,
  type TopicConfig,
  topicConfig,
} from '../../protocol/topic-config.ts'
import { decodeGroupList, decodeTopicList } from '../../protocol/topic-list.ts'
import { decodeTopicStats } from '../../protocol/topic-stats.ts'
import { ask, bodyOf } from './test-request.ts'
import { topicHandlers } from './topics.ts'

const CREATE = {
  ...{ topic: 'orders', defaultTopic: 'TBW102', readQueueNums: '4', writeQueueNums: '4', perm: '6' },
  ...{ topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes: '', force: 'false' },
}

function setUp(t: TestContext): { test: TestBroker; family: HandlerFamily } {
  const test = TestBroker.open()
  t.after(() => test.close())
  return { test, family: topicHandlers(test.broker) }
}

function create(family: HandlerFamily, fields: Readonly<Record<string, string>> = {}): Promise<unknown> {
  return ask(family, RequestCode.UPDATE_AND_CREATE_TOPIC, { fields: { ...CREATE, ...fields } })
}

async function configOf(family: HandlerFamily, topic: string): Promise<TopicConfig> {
  return decodeTopicConfig(bodyOf(await ask(family, RequestCode.GET_TOPIC_CONFIG, { fields: { topic } })))
}

describe('topicHandlers', () => {
  it('makes a topic, and changes it', async (t) => {
    const { family } = setUp(t)
    await create(family, { attributes: '+message.type=FIFO', order: 'true' })
    const made = topicConfig('orders', { readQueueNums: 4, writeQueueNums: 4, order: true })
    assert.deepEqual(await configOf(family, 'orders'), {
      ...made,
      attributes: new Map([['message.type', 'FIFO']]),
    })
    await create(family, { writeQueueNums: '2', perm: '4', attributes: '-message.type' })
    assert.deepEqual(await configOf(family, 'orders'), { ...made, order: false, writeQueueNums: 2, perm: 4 })
  })

  it('says what is wrong with a topic, and makes none', async (t) => {
    const { family, test } = setUp(t)
    const faults: [Record<string, string>, string, RegExp][] = [
      [{ topic: 'a b' }, 'invalidParameter', /may only hold/],
      [{ topic: 'x'.repeat(128) }, 'invalidParameter', /more than 127/],
      [{ topic: 'TBW102' }, 'invalidParameter', /conflicts with a system topic/],
      [{ topic: 'TestCluster' }, 'invalidParameter', /conflicts with a system topic/],
      [{ topic: 'rmq_sys_own' }, 'invalidParameter', /conflicts with a system topic/],
      [{ readQueueNums: '0' }, 'invalidParameter', /readQueueNums wants a number from 1 to 65536, not 0/],
      [{ writeQueueNums: '65537' }, 'invalidParameter', /writeQueueNums wants a number from 1 to 65536/],
      [{ readQueueNums: 'four' }, 'invalidParameter', /readQueueNums is not an integer/],
      [{ perm: '8' }, 'invalidParameter', /perm wants a number from 0 to 7, not 8/],
      [{ topicFilterType: 'ODD' }, 'invalidParameter', /SINGLE_TAG or MULTI_TAG/],
      [{ attributes: '+message.type=LITE' }, 'invalidParameter', /LITE is not supported/],
    ]
    for (const [fields, kind, message] of faults)
      await assert.rejects(create(family, fields), { kind, message })
    assert.equal(test.broker.topics.get('orders'), undefined)
  })

  it('leaves a topic that is already as asked, and its version, untouched', async (t) => {
    const { family, test } = setUp(t)
    await create(family, { attributes: '+message.type=FIFO' })
    const { dataVersion } = test.broker.topics
    await create(family, { attributes: '+message.type=FIFO' })
    await ask(family, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, { body: encodeTopicConfigList([]) })
    assert.equal(test.broker.topics.dataVersion, dataVersion)
  })

  it('makes several topics, or none when one is refused', async (t) => {
    const { family, test } = setUp(t)
    const list = (...names: string[]): Buffer => encodeTopicConfigList(names.map((name) => topicConfig(name)))
    const code = RequestCode.UPDATE_AND_CREATE_TOPIC_LIST
    await assert.rejects(ask(family, code, { body: list('one', 'TBW102') }), { kind: 'invalidParameter' })
    assert.equal(test.broker.topics.get('one'), undefined)
    await ask(family, code, { body: list('one', 'two') })
    assert.equal((await configOf(family, 'two')).readQueueNums, 16)
  })

  it('deletes a topic with its queues, offsets and pop retry topics', async (t) => {
    const { family, test } = setUp(t)
    for (const name of ['orders', '%RETRY%billing_orders', '%RETRY%other_orders']) test.topic(name, 1)
    await test.send({ topic: 'orders' })
    test.broker.offsets.of('billing', 'orders').commit(0, 1)
    await ask(family, RequestCode.DELETE_TOPIC_IN_BROKER, { fields: { topic: 'orders' } })
    await assert.rejects(configOf(family, 'orders'), { kind: 'topicNotExist' })
    assert.equal(test.broker.topics.get('%RETRY%billing_orders'), undefined)
    assert.ok(test.broker.topics.get('%RETRY%other_orders'))
    assert.equal(test.broker.offsets.find('billing', 'orders'), undefined)
    assert.equal(test.broker.queries.max({ topic: 'orders', queueId: 0 }), 0)
  })

  it('deletes no system topic and nothing blank; what is not there is gone already', async (t) => {
    const { family } = setUp(t)
    const drop = (topic: string): Promise<unknown> =>
      ask(family, RequestCode.DELETE_TOPIC_IN_BROKER, { fields: { topic } })
    await assert.rejects(drop('SCHEDULE_TOPIC_XXXX'), { kind: 'invalidParameter' })
    await assert.rejects(drop(' '), { kind: 'invalidParameter' })
    await drop('nothing')
  })

  it('gives all topics at once to old tools and in parts to new ones', async (t) => {
    const { family, test } = setUp(t)
    for (const name of ['one', 'two', 'three']) test.topic(name)
    const all = await ask(family, RequestCode.GET_ALL_TOPIC_CONFIG)
    const table = decodeTopicConfigTable(bodyOf(all))
    assert.deepEqual(
      [...table.topicConfigTable.keys()].sort(),
      test.broker.topics
        .all()
        .map(({ name }) => name)
        .sort(),
    )
    assert.deepEqual(table.dataVersion, test.broker.topics.dataVersion)
    assert.deepEqual(all.extFields, {})
    const seen: string[] = []
    const dataVersion = encodeDataVersion(test.broker.topics.dataVersion).toString()
    while (seen.length < table.topicConfigTable.size) {
      const fields = { topicSeq: String(seen.length), maxTopicNum: '4', dataVersion }
      const part = await ask(family, RequestCode.GET_ALL_TOPIC_CONFIG, { fields })
      assert.equal(part.extFields?.totalTopicNum, String(table.topicConfigTable.size))
      seen.push(...decodeTopicConfigTable(bodyOf(part)).topicConfigTable.keys())
    }
    assert.deepEqual(seen, [...table.topicConfigTable.keys()].sort())
  })

  it('tells how far the queues of a topic reach', async (t) => {
    const { family, test } = setUp(t)
    test.topic('orders', 2)
    await test.send({ topic: 'orders', queueId: 1 })
    await test.clock.advance(5000)
    await test.send({ topic: 'orders', queueId: 1 })
    const lastUpdateTimestamp = test.clock.nowMs()
    await test.clock.advance(5000)
    const reply = ask(family, RequestCode.GET_TOPIC_STATS_INFO, { fields: { topic: 'orders' } })
    const { offsetTable, topicPutTps } = decodeTopicStats(bodyOf(await reply))
    assert.deepEqual(
      [...offsetTable].map(([{ queueId, brokerName }, offset]) => ({ queueId, brokerName, ...offset })),
      [
        { queueId: 0, brokerName: 'broker-a', minOffset: 0, maxOffset: 0, lastUpdateTimestamp: 0 },
        { queueId: 1, brokerName: 'broker-a', minOffset: 0, maxOffset: 2, lastUpdateTimestamp },
      ],
    )
    assert.equal(topicPutTps, 0.2)
    const unknown = ask(family, RequestCode.GET_TOPIC_STATS_INFO, { fields: { topic: 'nothing' } })
    await assert.rejects(unknown, { kind: 'topicNotExist' })
  })

  it('walks the queues of a wide topic in slices', async (t) => {
    const { family, test } = setUp(t)
    test.topic('wide', 1000)
    let reply: unknown
    const asked = ask(family, RequestCode.GET_TOPIC_STATS_INFO, { fields: { topic: 'wide' } }).then(
      (given) => {
        reply = given
      },
    )
    await Promise.resolve()
    assert.equal(reply, undefined)
    await test.clock.settle()
    await asked
    assert.ok(reply)
  })

  it('names the system topics, and who consumes a topic', async (t) => {
    const { family, test } = setUp(t)
    test.topic('orders')
    test.consume('online', ['orders'])
    test.broker.offsets.of('offline', 'orders').commit(0, 0)
    const system = decodeTopicList(bodyOf(await ask(family, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)))
    for (const name of ['TBW102', 'TestCluster', 'broker-a', 'TestCluster_REPLY_TOPIC'])
      assert.ok(system.topics.includes(name), name)
    assert.ok(!system.topics.includes('orders'))
    const groups = await ask(family, RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, { fields: { topic: 'orders' } })
    assert.deepEqual(decodeGroupList(bodyOf(groups)), ['online', 'offline'])
  })

  it('deletes queues whose topics no longer exist', async (t) => {
    const { family, test } = setUp(t)
    const { store, topics } = test.broker
    for (const topic of ['orders', 'ghost']) {
      test.topic(topic)
      await test.send({ topic })
    }
    await test.send({ topic: 'SCHEDULE_TOPIC_XXXX' })
    await test.clock.advance(10_000)
    for (const topic of ['ghost', 'SCHEDULE_TOPIC_XXXX']) topics.replay(`-${topic}`)
    assert.deepEqual(store.queues.topicsOnDisk(), ['SCHEDULE_TOPIC_XXXX', 'ghost', 'orders'])
    await ask(family, RequestCode.CLEAN_UNUSED_TOPIC)
    assert.deepEqual(store.queues.topicsOnDisk(), ['SCHEDULE_TOPIC_XXXX', 'orders'])
  })
})
