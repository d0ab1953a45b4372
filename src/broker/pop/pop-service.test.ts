import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../../base/errors.ts'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { encodePopAck, encodePopCheckPoint } from '../../protocol/pop-check-point.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import { TEST_POP_SETTINGS, TestBroker } from '../test-broker.ts'
import type { PopSettings } from './pop-settings.ts'
import { TestPops } from './test-pops.ts'

/** A broker with messages m0, m1, ... in one queue, and a group that pops them. */
async function setUp(count = 3, options: Parameters<typeof TestBroker.open>[0] = {}): Promise<TestPops> {
  const test = TestBroker.open({ store: { commitLogFileBytes: 64 * 1024 }, ...options })
  test.topic('orders', 1)
  test.broker.groups.forUse('billing')
  for (let i = 0; i < count; i++)
    test.put({ topic: 'orders', body: `m${i}`, properties: { TAGS: i % 2 ? 'B' : 'A' } })
  await test.clock.settle()
  return new TestPops(test)
}

describe('PopService', () => {
  it('hands each message to one, and to nobody else while it is out of sight', async () => {
    const pops = await setUp()
    assert.deepEqual(await pops.bodies({ countMax: 2 }), ['m0', 'm1'])
    assert.deepEqual(await pops.bodies(), ['m2'])
    assert.deepEqual(await pops.bodies(), [])
    await pops.test.clock.advance(9_900)
    assert.deepEqual(await pops.bodies(), [])
    await pops.test.close()
  })

  it('delivers again what is not acknowledged in time, and counts it', async () => {
    const pops = await setUp()
    const [m0, m1] = (await pops.pop()) ?? []
    assert.ok(m0 && m1)
    assert.equal(await pops.ack(m0), true)
    await pops.test.clock.advance(10_200)
    const again = (await pops.pop()) ?? []
    assert.deepEqual(again.map(({ body }) => body).sort(), ['m1', 'm2'])
    for (const { message, topic } of again) {
      assert.equal(topic, '%RETRY%billing_orders')
      assert.equal(message.topic, 'orders', 'it shows the topic it came from')
      assert.equal(message.reconsumeTimes, 1)
      assert.equal(message.properties.get('1ST_POP_TIME'), String(m1.popTimeMs))
      const handle = `0 ${again[0]?.popTimeMs} 10000 0 1 broker-a 0 ${message.queueOffset}`
      assert.equal(message.properties.get('POP_CK'), handle)
    }
    // the old handle counts no longer, and says so to nobody
    assert.equal(await pops.ack(m1), true)
    await pops.test.clock.advance(10_200)
    const third = (await pops.pop()) ?? []
    assert.deepEqual(
      third.map(({ message }) => message.reconsumeTimes),
      [2, 2],
    )
    for (const held of third) await pops.ack(held)
    await pops.test.clock.advance(60_000)
    assert.deepEqual(await pops.bodies(), [])
    await pops.test.close()
  })

  it('names no time at which an ordered queue was not free yet', async () => {
    const pops = await setUp()
    const ordered = { isOrdered: true, invisibleMs: 1000 }
    const [first] = (await pops.pop(ordered)) ?? []
    assert.ok(first)
    const { clock } = pops.test
    await clock.advance(first.popTimeMs + 999 - clock.nowMs())
    // the millisecond is over while the pop looks
    const nowMs = clock.nowMs.bind(clock)
    let looks = 0
    clock.nowMs = () => nowMs() + (looks++ > 0 ? 1 : 0)
    assert.deepEqual(await pops.bodies(ordered), [])
    assert.ok(looks > 0)
    assert.equal((await pops.bodies(ordered)).length, 3)
    await pops.test.close()
  })

  it('counts check points and acknowledgements, as BrokerStatsManager names them', async () => {
    const pops = await setUp()
    const [m0, m1] = (await pops.pop()) ?? []
    assert.ok(m0 && m1)
    await pops.ack(m0)
    await pops.change(m1, 20_000)
    const { stats } = pops.test.broker
    const sum = (name: string, key = 'orders@billing'): number | undefined =>
      stats.find(name, key)?.statsMinute.sum
    // one for the pop, one for the new handle, which also ends the old one
    assert.deepEqual([sum('GROUP_CK_NUMS'), sum('GROUP_ACK_NUMS')], [2, 2])
    assert.deepEqual([sum('BROKER_CK_NUMS', 'TestCluster'), sum('BROKER_ACK_NUMS', 'TestCluster')], [2, 2])
    await pops.test.clock.advance(70_000)
    assert.equal(sum('GROUP_ACK_NUMS'), 0)
    await pops.test.close()
  })

  it('gives more time, or less, under a new handle', async () => {
    const pops = await setUp(2)
    const [m0, m1] = (await pops.pop()) ?? []
    assert.ok(m0 && m1)
    await pops.test.clock.advance(5_000)
    const longer = await pops.change(m0, 20_000)
    const shorter = await pops.change(m1, 1_000)
    assert.ok(longer && shorter)
    assert.notEqual(longer.popTimeMs, m0.popTimeMs)
    await pops.test.clock.advance(1_200)
    assert.deepEqual(await pops.bodies(), ['m1'])
    await pops.test.clock.advance(8_000)
    // the old handle is nobody's
    await pops.ack(m0)
    await pops.test.clock.advance(12_000)
    assert.deepEqual((await pops.bodies()).sort(), ['m0', 'm1'])
    await pops.test.close()
  })

  it('buries a message that was delivered as often as its group wants', async () => {
    const pops = await setUp(1)
    const { groups } = pops.test.broker
    groups.put({ ...groups.forUse('billing'), retryMaxTimes: 2 })
    const counts: number[] = []
    for (let i = 0; i < 5; i++) {
      for (const { message } of (await pops.pop()) ?? []) counts.push(message.reconsumeTimes)
      await pops.test.clock.advance(10_200)
    }
    assert.deepEqual(counts, [0, 1, 2])
    const [dead, ...others] = await pops.test.messages('%DLQ%billing')
    assert.deepEqual(others, [])
    assert.equal(dead?.body.toString(), 'm0')
    assert.equal(dead?.properties.get('RETRY_TOPIC'), 'orders')
    assert.equal(dead?.properties.get('DLQ_ORIGIN_TOPIC'), 'orders')
    assert.equal(pops.test.broker.offsets.find('billing', 'orders')?.deaths?.count, 1)
    await pops.test.close()
  })

  it('moves the offset of the group with the pops, and follows those who set it', async () => {
    const pops = await setUp(6)
    const { offsets, queries } = pops.test.broker
    await pops.pop({ countMax: 2 })
    assert.equal(offsets.find('billing', 'orders')?.get(0), 2)
    queries.commit('billing', { topic: 'orders', queueId: 0 }, 4)
    assert.deepEqual(await pops.bodies({ countMax: 1 }), ['m4'])
    queries.commit('billing', { topic: 'orders', queueId: 0 }, 1)
    assert.deepEqual(await pops.bodies({ countMax: 1 }), ['m1'])
    offsets.reset('billing', 'orders', 0, 3)
    assert.deepEqual(await pops.bodies({ countMax: 1 }), ['m3'])
    assert.equal(offsets.find('billing', 'orders')?.get(0), 4)
    await pops.test.close()
  })

  it('filters, and is behind what its filter does not let pass', async () => {
    const pops = await setUp(4)
    assert.deepEqual(await pops.bodies({ expression: 'B' }), ['m1', 'm3'])
    assert.equal(pops.test.broker.offsets.find('billing', 'orders')?.get(0), 4)
    assert.deepEqual(await pops.bodies(), [])
    await pops.test.clock.advance(10_200)
    assert.deepEqual(await pops.bodies({ expression: 'A' }), [])
    await pops.test.send({ topic: 'orders', body: 'm4', properties: { TAGS: 'B', price: '7' } })
    assert.deepEqual(await pops.bodies({ expressionType: 'SQL92', expression: 'price > 7' }), [])
    await pops.test.send({ topic: 'orders', body: 'm5', properties: { TAGS: 'B', price: '8' } })
    assert.deepEqual(await pops.bodies({ expressionType: 'SQL92', expression: 'price > 7' }), ['m5'])
    await pops.test.close()
  })

  it('begins where the client says, where the group has never been', async () => {
    const pops = await setUp(3)
    assert.deepEqual(await pops.bodies({ isFromEnd: true }), ['m0', 'm1', 'm2'], 'the topic is young')
    const settings = { pop: { ...TEST_POP_SETTINGS, initPopOffsetByCheckMsgInMem: false } }
    const old = await setUp(3, { settings })
    assert.deepEqual(await old.bodies({ isFromEnd: true }), ['m2'])
    assert.deepEqual(await old.bodies({ group: 'second', isFromEnd: false }), ['m0', 'm1', 'm2'])
    await pops.test.close()
    await old.test.close()
  })

  it('looks into the retry topic of either form', async () => {
    const pop: { -readonly [Name in keyof PopSettings]: PopSettings[Name] } = { ...TEST_POP_SETTINGS }
    const pops = await setUp(1, { settings: { pop } })
    await pops.pop()
    await pops.test.clock.advance(10_200)
    pop.enableRetryTopicV2 = true
    await pops.test.send({ topic: 'orders', body: 'm1' })
    assert.deepEqual((await pops.bodies()).sort(), ['m0', 'm1'])
    await pops.test.clock.advance(10_200)
    const again = (await pops.pop()) ?? []
    assert.deepEqual(again.map(({ topic }) => topic).sort(), [
      '%RETRY%billing+orders',
      '%RETRY%billing_orders',
    ])
    assert.deepEqual(again.map(({ body }) => body).sort(), ['m0', 'm1'])
    await pops.test.close()
  })

  it('passes queues over from which a group holds too much', async () => {
    const pop = { ...TEST_POP_SETTINGS, enablePopMessageThreshold: true, popInflightMessageThreshold: 2 }
    const pops = await setUp(4, { settings: { pop } })
    const first = (await pops.pop({ countMax: 2 })) ?? []
    assert.deepEqual(await pops.bodies(), [])
    for (const held of first) await pops.ack(held)
    assert.deepEqual(await pops.bodies(), ['m2', 'm3'])
    await pops.test.close()
  })

  it('refuses what cannot be', async () => {
    const pops = await setUp(1)
    const { acks, popper } = pops.test.broker.pops
    const refused: [Partial<TestPops['request']>, string][] = [
      [{ countMax: 33 }, 'invalidParameter'],
      [{ topic: 'nothing' }, 'topicNotExist'],
      [{ queueId: 1 }, 'invalidParameter'],
      [{ expressionType: 'SQL92', expression: 'a >' }, 'subscriptionParseFailed'],
    ]
    for (const [request, kind] of refused) {
      assert.throws(() => popper.begin({ ...pops.request, ...request }), { kind }, JSON.stringify(request))
    }
    const held = {
      group: 'billing',
      topic: 'orders',
      queueId: 0,
      queueOffset: 0,
      popTimeMs: 1,
      reviveQueueId: 0,
    }
    const done = (): void => undefined
    assert.throws(() => acks.ack({ ...held, topic: 'nothing' }, done), { kind: 'topicNotExist' })
    assert.throws(() => acks.ack({ ...held, queueId: 1 }, done), { kind: 'messageIllegal' })
    assert.throws(() => acks.ack({ ...held, queueOffset: 2 }, done), { kind: 'noMessage' })
    assert.throws(() => acks.changeInvisible({ ...held, queueOffset: 1 }, 1, done), { kind: 'noMessage' })
    await pops.test.close()
  })

  it('passes over popped messages whose records are damaged, and delivers those beside them again', async () => {
    for (const damaged of [[0], [1], [3], [1, 2], [0, 1, 2, 3]]) {
      const clock = new VirtualClock(TEST_START_MS)
      const disk = new FaultyDisk({ clock })
      const pops = await setUp(5, { host: testHost(disk, clock) })
      const { test } = pops
      const places = (await test.messages('orders')).map(({ commitLogOffset }) => commitLogOffset)
      assert.equal((await pops.pop())?.length, 5)
      // a start looks at the last record of the log, and of each queue
      test.topic('others')
      await test.send({ topic: 'others' })
      await test.close()
      // after a clean stop the log is not looked through. The magic, or the length
      for (const index of damaged)
        disk.corrupt('/store/commitlog/00000000000000000000', (places[index] ?? 0) + 4 * (index % 2), 0x10)
      const after = testHost(disk.afterProcessKill(), new VirtualClock(TEST_START_MS + 60_000))
      const again = new TestPops(TestBroker.open({ store: { commitLogFileBytes: 64 * 1024 }, host: after }))
      await again.test.clock.advance(1000)
      const rest = ['m0', 'm1', 'm2', 'm3', 'm4'].filter((_, index) => !damaged.includes(index))
      assert.deepEqual((await again.bodies()).sort(), rest)
      assert.equal(again.test.broker.counters.passedOver, damaged.length)
      await again.test.send({ topic: 'orders', body: 'later' })
      assert.deepEqual(await again.bodies(), ['later'], 'nothing is held up')
      await again.test.close()
    }
  })

  it('forgets what a deleted topic held', async () => {
    const pops = await setUp(2)
    await pops.pop({ countMax: 1 })
    await pops.test.clock.advance(10_200)
    await pops.pop({ countMax: 1 })
    pops.test.broker.deleteTopic('orders')
    await pops.test.clock.advance(20_000)
    assert.equal(pops.test.broker.topics.get('%RETRY%billing_orders'), undefined)
    pops.test.topic('orders', 1)
    await pops.test.send({ topic: 'orders', body: 'new' })
    assert.deepEqual(await pops.bodies(), ['new'])
    await pops.test.close()
  })

  it('takes over what a RocketMQ broker has left in its timer', async () => {
    const pops = await setUp(4)
    const { test } = pops
    const revive = 'rmq_sys_REVIVE_LOG_TestCluster'
    test.broker.topics.ensure(revive, { readQueueNums: 8, writeQueueNums: 8 })
    test.broker.offsets.of('billing', 'orders').commit(0, 3)
    await test.clock.settle()
    await test.close()
    const again = TestBroker.open({ host: test.host, store: { commitLogFileBytes: 64 * 1024 } })
    const place = { group: 'billing', topic: 'orders', queueId: 0, startOffset: 0 }
    const popTimeMs = again.clock.nowMs() - 9_000
    const point = { ...place, popTimeMs, invisibleMs: 10_000, queueOffsets: [0, 1, 2] }
    const timed = { queueId: 5, topic: revive }
    const properties = { REAL_TOPIC: revive, REAL_QID: '5' }
    const ck = encodePopCheckPoint(point, 'broker-a')
    await again.send({ ...timed, body: ck, properties: { ...properties, TAGS: 'ck' } })
    const ack = encodePopAck({ ...point, queueOffsets: [1] }, 'broker-a')
    await again.send({ ...timed, body: ack, properties: { ...properties, TAGS: 'ack' } })
    const after = new TestPops(again)
    assert.deepEqual(await after.bodies(), ['m3'])
    await again.clock.advance(1000)
    assert.deepEqual(await after.bodies(), [], 'more acknowledgements may come')
    await again.clock.advance(3200)
    assert.deepEqual((await after.bodies()).sort(), ['m0', 'm2'])
    assert.equal(again.broker.offsets.find('CID_RMQ_SYS_REVIVE_GROUP', revive)?.get(5), 0)
    await again.close()
  })

  it('goes on when the disk takes messages again', async () => {
    const clock = new VirtualClock(TEST_START_MS)
    const disk = new FaultyDisk({ clock })
    const pops = await setUp(3, { host: testHost(disk, clock) })
    const [m0] = (await pops.pop({ countMax: 2 })) ?? []
    assert.ok(m0)
    const end = disk.fail(({ kind, path }) => kind === 'write' && path.includes('commitlog'), 'ENOSPC')
    assert.equal(await pops.ack(m0), false, 'the acknowledgement is refused')
    assert.equal(await pops.pop(), undefined, 'and so is a pop')
    await clock.advance(20_000)
    end()
    await clock.advance(5_000)
    assert.deepEqual((await pops.bodies()).sort(), ['m0', 'm1', 'm2'])
    await pops.test.close()
  })

  it('shows no more at a look than an answer may hold', async () => {
    const test = TestBroker.open({ store: { commitLogFileBytes: 4 * 1024 * 1024 } })
    test.topic('orders', 4)
    for (let queueId = 0; queueId < 4; queueId++)
      test.put({ topic: 'orders', queueId, body: 'x'.repeat(200_000) })
    await test.clock.settle()
    const { popper } = test.broker.pops
    const request = { group: 'billing', queueId: -1, countMax: 32, isOrdered: false, attemptId: undefined }
    const look = popper.lookFor({ request, topic: test.broker.topics.require('orders') })
    popper.peek(request, look)
    assert.deepEqual([look.count, look.restCount, look.isUnfinished], [2, 4, false])
    await test.close()
  })

  it('says later that a message is delivered again, where the log has no room for the word', async () => {
    const pops = await setUp(1, { store: { commitLogFileBytes: 64 * 1024, flushDiskType: 'SYNC_FLUSH' } })
    await pops.pop()
    const { store } = pops.test.broker
    const append = store.append.bind(store)
    let refusedCount = 0
    store.append = (draft, ...rest) => {
      if (!draft.topic.toString().startsWith('rmq_sys_REVIVE_LOG') || refusedCount > 0)
        return append(draft, ...rest)
      refusedCount++
      throw new MqError('busy', 'the disk is behind')
    }
    await pops.test.clock.advance(15_000)
    assert.equal(refusedCount, 1)
    assert.deepEqual(await pops.bodies(), ['m0'])
    await pops.test.clock.advance(1100)
    const revive = pops.test.broker.offsets.find('CID_RMQ_SYS_REVIVE_GROUP', 'rmq_sys_REVIVE_LOG_TestCluster')
    assert.equal(revive?.get(0), 1, 'of the first check point and its end neither is needed')
    await pops.test.close()
  })

  it('reads no more of its log at a start than is needed', async () => {
    const pops = await setUp(3)
    const held = (await pops.pop({ invisibleMs: 60_000 })) ?? []
    for (const each of held.slice(1)) await pops.ack(each)
    await pops.test.clock.advance(1100)
    const group = (): number | undefined =>
      pops.test.broker.offsets.find('CID_RMQ_SYS_REVIVE_GROUP', 'rmq_sys_REVIVE_LOG_TestCluster')?.get(0)
    assert.equal(group(), undefined, 'the check point is the first record')
    for (const each of held.slice(0, 1)) await pops.ack(each)
    await pops.test.clock.advance(1100)
    assert.equal(group(), 3, 'four records, and none is needed')
    await pops.test.close()
  })

  it('costs nothing where nobody pops', async () => {
    const test = TestBroker.open()
    assert.equal(test.broker.store.queues.existing('rmq_sys_REVIVE_LOG_TestCluster', 0), undefined)
    await test.close()
  })
})
