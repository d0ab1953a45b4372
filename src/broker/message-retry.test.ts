import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { MessageExt } from '../protocol/message-codec.ts'
import { SystemTopic } from '../protocol/names.ts'
import { subscriptionGroupConfig } from '../protocol/subscription-group-config.ts'
import { topicConfig } from '../protocol/topic-config.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { TestBroker } from './test-broker.ts'

const HOUR_MS = 3_600_000
const RETRY = '%RETRY%billing'
const DLQ = '%DLQ%billing'

function opened(t: { after(fn: () => Promise<void>): void }): TestBroker {
  const test = TestBroker.open({ store: { commitLogFileBytes: 1024 * 1024 } })
  t.after(() => test.close())
  test.topic('orders', 1)
  test.broker.groups.put(subscriptionGroupConfig('billing'))
  return test
}

/** Gives a message back, as a client with no settings of its own does. */
async function giveBack(
  test: TestBroker,
  physicalOffset: number,
  parts: { group?: string; delayLevel?: number; reconsumeTimesMax?: number } = {},
): Promise<string> {
  const given = { group: 'billing', delayLevel: 0, reconsumeTimesMax: undefined, isUnitMode: false, ...parts }
  const result = test.broker.retry.giveBack({ physicalOffset, ...given })
  await Promise.allSettled([result, test.clock.settle()])
  return result
}

/** Messages that the group can read in its retry topic. */
async function retried(test: TestBroker): Promise<MessageExt[]> {
  return test.messages(RETRY)
}

describe('MessageRetry', () => {
  it('puts a message by, and has it tried again ten seconds later, with its history', async (t) => {
    const test = opened(t)
    const properties = { TAGS: 'A', KEYS: 'k1', UNIQ_KEY: 'id-1', own: 'x' }
    const at = test.put({ topic: 'orders', body: 'm', flag: 7, properties })
    await test.clock.settle()
    assert.equal(await giveBack(test, at), 'retry')
    await test.clock.advance(10_000)
    assert.deepEqual(await retried(test), [])
    await test.clock.advance(1)
    const [message] = await retried(test)
    assert.equal(message?.body.toString(), 'm')
    assert.equal(message?.flag, 7)
    assert.equal(message?.reconsumeTimes, 1)
    assert.equal(message?.bornTimestamp, TEST_START_MS)
    assert.deepEqual(
      Object.fromEntries([...(message?.properties ?? [])].sort()),
      Object.fromEntries(
        [
          ...Object.entries(properties),
          ...[['MSG_REGION', 'DefaultRegion'] as const, ['TRACE_ON', 'true'], ['CLUSTER', 'TestCluster']],
          ...[['RETRY_TOPIC', 'orders'] as const, ['WAIT', 'false'], ['DELAY', '3']],
          ['ORIGIN_MESSAGE_ID', `7F00000100002A9F${at.toString(16).toUpperCase().padStart(16, '0')}`],
          ...[['REAL_TOPIC', RETRY] as const, ['REAL_QID', '0']],
        ].sort(),
      ),
    )
  })

  it('tries 16 times, a level later each time, and buries the message once', async (t) => {
    const test = opened(t)
    let at = await test.send({ topic: 'orders', body: 'm', properties: { UNIQ_KEY: 'id-1' } })
    const originId = `7F00000100002A9F${at.toString(16).toUpperCase().padStart(16, '0')}`
    for (let times = 1; times <= 16; times++) {
      assert.equal(await giveBack(test, at), 'retry')
      await test.clock.advance(test.broker.store.delayLevels.delayMs(times + 2) + 1)
      const last = (await retried(test)).at(-1)
      assert.equal(last?.reconsumeTimes, times)
      assert.equal(last?.properties.get('DELAY'), String(Math.min(times + 2, 18)))
      at = last?.commitLogOffset ?? -1
    }
    assert.equal(await giveBack(test, at), 'deadLetter')
    await test.clock.advance(10_000)
    assert.equal((await retried(test)).length, 16)
    const dead = await test.messages(DLQ)
    assert.equal(dead.length, 1)
    const { properties, reconsumeTimes } = dead[0] as MessageExt
    assert.equal(reconsumeTimes, 17)
    const names = ['RETRY_TOPIC', 'ORIGIN_MESSAGE_ID', 'DLQ_ORIGIN_TOPIC', 'DLQ_ORIGIN_MESSAGE_ID', 'DELAY']
    assert.deepEqual(
      names.map((name) => properties.get(name)),
      ['orders', originId, 'orders', 'id-1', '0'],
    )
    const { readQueueNums, writeQueueNums, perm } = test.broker.topics.require(DLQ).config
    assert.deepEqual([readQueueNums, writeQueueNums, perm], [1, 1, 6])
  })

  it('takes the level that a client asks for, the highest at most', async (t) => {
    const test = opened(t)
    const at = await test.send({ topic: 'orders', properties: { DELAY: '0', TIMER_DELIVER_MS: '1' } })
    await giveBack(test, at, { delayLevel: 1 })
    await giveBack(test, at, { delayLevel: 99 })
    await test.clock.advance(1001)
    const [first] = await retried(test)
    assert.equal(first?.properties.get('DELAY'), '1')
    assert.equal(first?.properties.has('TIMER_DELIVER_MS'), false, 'a level wins over a timer')
    await test.clock.advance(2 * HOUR_MS + 1)
    assert.equal((await retried(test))[1]?.properties.get('DELAY'), '18')
  })

  it('buries at once on delay level -1, and by the limit of the client before that of the group', async (t) => {
    const test = opened(t)
    test.broker.groups.put(subscriptionGroupConfig('billing', { retryMaxTimes: 0 }))
    const at = await test.send({ topic: 'orders' })
    assert.equal(await giveBack(test, at), 'deadLetter', 'the group says 0')
    assert.equal(await giveBack(test, at, { reconsumeTimesMax: 1 }), 'retry', 'the client says 1')
    assert.equal(await giveBack(test, at, { reconsumeTimesMax: 0 }), 'deadLetter')
    assert.equal(await giveBack(test, at, { delayLevel: -1, reconsumeTimesMax: 16 }), 'deadLetter')
    assert.equal((await test.messages(DLQ)).length, 3)
  })

  it('shares out the tries among the retry queues of the group', async (t) => {
    const test = opened(t)
    test.broker.groups.put(subscriptionGroupConfig('billing', { retryQueueNums: 3 }))
    const at = await test.send({ topic: 'orders' })
    for (let i = 0; i < 60; i++) await giveBack(test, at, { delayLevel: 1 })
    await test.clock.advance(1001)
    const counts = await Promise.all(
      [0, 1, 2].map(async (queueId) => (await test.messages(RETRY, queueId)).length),
    )
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      60,
    )
    assert.ok(Math.min(...counts) > 5, counts.join())
  })

  it('sends no try to a queue that the retry topic does not have', async (t) => {
    const test = opened(t)
    const at = await test.send({ topic: 'orders' })
    await giveBack(test, at, { delayLevel: 1 })
    test.broker.groups.put(subscriptionGroupConfig('billing', { retryQueueNums: 8 }))
    for (let i = 0; i < 20; i++) await giveBack(test, at, { delayLevel: 1 })
    await test.clock.advance(1001)
    assert.equal((await retried(test)).length, 21)
  })

  it('refuses in the order of RocketMQ', async (t) => {
    const closed = TestBroker.open({ settings: { brokerPermission: 4, autoCreateSubscriptionGroup: false } })
    t.after(() => closed.close())
    await assert.rejects(giveBack(closed, 0, { group: 'unknown' }), { kind: 'groupNotExist' })
    closed.broker.groups.put(subscriptionGroupConfig('billing'))
    await assert.rejects(giveBack(closed, 0), { kind: 'noPermission' })
    const test = opened(t)
    test.broker.groups.put(subscriptionGroupConfig('silent', { retryQueueNums: 0 }))
    assert.equal(await giveBack(test, 0, { group: 'silent' }), 'ignored')
    assert.equal(test.broker.topics.get('%RETRY%silent'), undefined)
    test.broker.topics.put(topicConfig(RETRY, { perm: 4 }))
    await assert.rejects(giveBack(test, 0), { kind: 'noPermission' })
  })

  it('finds no message where none begins, nor among the broker’s own', async (t) => {
    const test = opened(t)
    const at = await test.send({ topic: 'orders' })
    await test.send({ topic: 'orders', properties: { DELAY: '18' } })
    const [waiting] = await test.messages(SystemTopic.SCHEDULE, 17)
    for (const offset of [at + 1, 1_000_000, -1, waiting?.commitLogOffset ?? -2]) {
      assert.equal(await giveBack(test, offset), 'notFound', `offset ${offset}`)
    }
    assert.equal(test.broker.topics.get(DLQ), undefined)
  })

  it('says so when the log takes nothing, and has put nothing by', async (t) => {
    const clock = new VirtualClock(TEST_START_MS)
    const disk = new FaultyDisk({ clock })
    const test = TestBroker.open({ host: testHost(disk, clock) })
    t.after(() => test.close())
    test.topic('orders', 1)
    const at = await test.send({ topic: 'orders' })
    const end = disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    await assert.rejects(giveBack(test, at, { delayLevel: 1 }), { kind: 'notWritable' })
    end()
    await test.clock.advance(10_000)
    assert.deepEqual(await retried(test), [])
  })

  it('counts what a group gives back', async (t) => {
    const test = opened(t)
    const at = await test.send({ topic: 'orders' })
    test.broker.offsets.of('billing', 'orders').commit(0, 1)
    for (let i = 0; i < 3; i++) await giveBack(test, at)
    await test.clock.advance(10_000)
    assert.equal(test.broker.stats.find('SNDBCK_PUT_NUMS', 'orders@billing')?.statsMinute.sum, 3)
    const deathKey = 'Owner@orders@billing@SEND_BACK_TO_DLQ'
    assert.equal(test.broker.stats.find('SNDBCK2DLQ_TIMES', deathKey), undefined)
    await giveBack(test, at, { delayLevel: -1 })
    test.broker.retry.topicForSend(RETRY)
    await test.send({ topic: RETRY, properties: { RETRY_TOPIC: 'orders' }, reconsumeTimes: 17 })
    assert.equal(test.broker.stats.find('SNDBCK2DLQ_TIMES', deathKey)?.statsMinute.sum, 2)
  })

  it('takes a message with as many properties as may be sent, RocketMQ issue #4226', async (t) => {
    const test = opened(t)
    const longest = (bytes: number): Promise<number> =>
      test.send({ topic: 'orders', properties: { UNIQ_KEY: 'id', own: 'x'.repeat(bytes) } })
    await assert.rejects(longest(32_000), { kind: 'messageIllegal' })
    let at = await longest(31_660)
    for (let times = 1; times <= 16; times++) {
      assert.equal(await giveBack(test, at, { delayLevel: 1 }), 'retry')
      await test.clock.advance(1001)
      at = (await retried(test)).at(-1)?.commitLogOffset ?? -1
    }
    assert.equal(await giveBack(test, at), 'deadLetter')
    assert.equal((await test.messages(DLQ)).length, 1)
  })
})

describe('a message that a client sends to a retry topic', () => {
  const properties = { DELAY: '3', RETRY_TOPIC: 'orders', UNIQ_KEY: 'id-1', ORIGIN_MESSAGE_ID: 'o-1' }

  it('waits as it says while it was not tried too often, and is buried after', async (t) => {
    const test = opened(t)
    test.broker.retry.topicForSend(RETRY)
    await test.send({ topic: RETRY, body: 'again', properties, reconsumeTimes: 16 })
    await test.send({
      topic: RETRY,
      body: 'by the client',
      properties,
      reconsumeTimes: 3,
      reconsumeTimesMax: 2,
    })
    await test.send({ topic: RETRY, body: 'by the group', properties, reconsumeTimes: 17 })
    await test.clock.advance(10_001)
    assert.deepEqual(await test.bodies(RETRY), ['again'])
    assert.deepEqual(await test.bodies(DLQ), ['by the client', 'by the group'])
    const [dead] = await test.messages(DLQ)
    assert.equal(dead?.reconsumeTimes, 3)
    assert.deepEqual(
      ['DELAY', 'DLQ_ORIGIN_TOPIC', 'DLQ_ORIGIN_MESSAGE_ID'].map((name) => dead?.properties.get(name)),
      ['-1', 'orders', 'id-1'],
    )
  })

  it('is buried when the group consumes in order: it was tried on the spot', async (t) => {
    const test = opened(t)
    test.broker.retry.topicForSend(RETRY)
    const lock = (): unknown =>
      test.broker.locks.lock('billing', 'c', [{ topic: 'orders', queueId: 0 }], test.clock.nowMs())
    lock()
    await test.send({ topic: RETRY, body: 'held', properties, reconsumeTimes: 1 })
    await test.clock.advance(60_001)
    await test.send({ topic: RETRY, body: 'free', properties, reconsumeTimes: 1 })
    await test.clock.advance(10_001)
    assert.deepEqual([await test.bodies(DLQ), await test.bodies(RETRY)], [['held'], ['free']])
  })

  it('makes the topics of groups that are there, and of no others', async (t) => {
    const test = opened(t)
    assert.equal(test.broker.retry.topicForSend(DLQ).config.readQueueNums, 1)
    assert.equal(test.broker.retry.topicForSend(RETRY).config.readQueueNums, 1)
    assert.throws(() => test.broker.retry.topicForSend('%RETRY%stranger'), { kind: 'groupNotExist' })
    assert.throws(() => test.broker.retry.topicForSend('%DLQ%stranger'), { kind: 'groupNotExist' })
  })
})

async function startedAt(nowMs: number, disk: FaultyDisk): Promise<TestBroker> {
  const test = TestBroker.open({ host: testHost(disk, new VirtualClock(nowMs)) })
  await test.clock.settle()
  return test
}

/** Gives back all that a consumer has not seen. @param consumed where it is, by topic */
async function giveAllBack(test: TestBroker, consumed: Map<string, number>): Promise<void> {
  for (const topic of ['orders', RETRY]) {
    const messages = await test.messages(topic)
    for (const message of messages.slice(consumed.get(topic) ?? 0)) {
      await giveBack(test, message.commitLogOffset)
      consumed.set(topic, message.queueOffset + 1)
    }
  }
}

describe('retries through kills', () => {
  /** What a consumer of the group does at a moment, or what befalls the broker. */
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'consume' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('kill' as const),
        downMs: fc.integer({ min: 0, max: 20_000 }),
      }),
    },
  )

  it('give every message one try more each time, and every dead one a single letter', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const timesMax = 3
      const clock = new VirtualClock(TEST_START_MS)
      let disk = new FaultyDisk({ clock })
      let test = TestBroker.open({ host: testHost(disk, clock) })
      test.topic('orders', 1)
      test.broker.groups.put(subscriptionGroupConfig('billing', { retryMaxTimes: timesMax }))
      await test.send({ topic: 'orders', body: 'm0' })
      await test.send({ topic: 'orders', body: 'm1' })
      await test.send({ topic: 'orders', body: 'm2' })
      const consumed = new Map<string, number>()
      for (const each of steps) {
        if (each.kind === 'consume') await giveAllBack(test, consumed)
        else if (each.kind === 'wait') await test.clock.advance(each.ms)
        else {
          disk = disk.afterProcessKill()
          test = await startedAt(test.clock.nowMs() + each.downMs, disk)
        }
      }
      // as often as the last of them may still be tried
      for (const waitMs of Array(timesMax + 1).fill(121_000)) {
        await giveAllBack(test, consumed)
        await test.clock.advance(waitMs)
      }
      const tries = (await test.messages(RETRY)).map((m) => `${m.body} ${m.reconsumeTimes}`)
      const dead = await test.messages(DLQ)
      assert.deepEqual(
        tries.sort(),
        ['m0', 'm1', 'm2'].flatMap((body) => [`${body} 1`, `${body} 2`, `${body} 3`]),
      )
      assert.deepEqual(dead.map((message) => message.body.toString()).sort(), ['m0', 'm1', 'm2'])
      await test.close()
    })
    await fc.assert(property, { numRuns: 40 })
  })
})
