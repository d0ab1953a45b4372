import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import { TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

/** Sends one message at each of these times, in ms since the start. */
async function storedAt(timesMs: readonly number[]): Promise<{ test: TestStore; queue: ConsumeQueue }> {
  const test = new TestStore()
  test.store.open()
  for (const timeMs of timesMs) {
    test.host.clock.setWallMs(TEST_START_MS + timeMs)
    await test.send({ topic: 'T' })
  }
  const queue = test.store.queues.existing('T', 0)
  assert(queue)
  return { test, queue }
}

describe('MessageStore.offsetByTime', () => {
  // the offsets that RocketMQ's ConsumeQueueTest.testGetOffsetInQueueByTime of 5.x asks for, and more of its kind
  const timesMs = [1000, 1000, 1000, 3000, 3000, 5000]
  const table: [number, number, number][] = [
    [0, 0, 0],
    [999, 0, 0],
    [1000, 0, 2],
    [2000, 3, 2],
    [3000, 3, 4],
    [4000, 5, 4],
    [5000, 5, 5],
    [6000, 6, 5],
  ]
  for (const [timeMs, lower, upper] of table) {
    it(`at ${timeMs}: LOWER is ${lower}, UPPER is ${upper}`, async () => {
      const { test, queue } = await storedAt(timesMs)
      const { store } = test
      assert.equal(store.offsetByTime(queue, TEST_START_MS + timeMs, 'LOWER'), lower)
      assert.equal(store.offsetByTime(queue, TEST_START_MS + timeMs, 'UPPER'), upper)
      await store.close()
    })
  }

  it('is 0 in a queue without messages', async () => {
    const test = new TestStore()
    test.store.open()
    const queue = test.store.queues.queue(test.store.topic('T'), 0)
    assert.equal(test.store.offsetByTime(queue, TEST_START_MS, 'LOWER'), 0)
    assert.equal(test.store.offsetByTime(queue, TEST_START_MS, 'UPPER'), 0)
    await test.store.close()
  })

  it('agrees with a look at every message, across files, after a restart and after retention', async () => {
    const test = new TestStore()
    test.store.open()
    for (let i = 0; i < 150; i++) {
      await test.send({ topic: 'T', body: 'x'.repeat(100) })
      if (i % 3 !== 0) await test.host.clock.advance(700)
    }
    await test.host.clock.advance(11_000)
    await test.store.close()
    const next = new TestStore(test.host, test.store.settings)
    next.store.open()
    await compareAll(next)
    next.host.clock.setWallMs(next.host.clock.nowMs() + 100 * 3_600_000)
    assert(await next.store.deleteExpired())
    await compareAll(next)
    await next.store.close()
  })
})

async function compareAll(test: TestStore): Promise<void> {
  const { store } = test
  const queue = store.queues.existing('T', 0)
  assert(queue)
  const stored = await test.records('T')
  for (let timeMs = TEST_START_MS - 1000; timeMs < TEST_START_MS + 110_000; timeMs += 350) {
    const lower: number = stored.find(({ storedMs }) => storedMs >= timeMs)?.queueOffset ?? queue.maxOffset
    const upper: number = stored.findLast(({ storedMs }) => storedMs <= timeMs)?.queueOffset ?? 0
    assert.equal(store.offsetByTime(queue, timeMs, 'LOWER'), lower)
    assert.equal(store.offsetByTime(queue, timeMs, 'UPPER'), upper)
  }
}

describe('MessageStore when the wall clock jumps', () => {
  it('stores times that never fall, and finds messages by them', async () => {
    const { test, queue } = await storedAt([0, 10_000, 10_000 - 3_600_000, 5000, 11_000])
    const times = (await test.records('T')).map(({ storedMs }) => storedMs - TEST_START_MS)
    assert.deepEqual(times, [0, 10_000, 10_000, 10_000, 11_000])
    assert.equal(test.store.lastStoreTimestampMs, TEST_START_MS + 11_000)
    assert.equal(test.store.offsetByTime(queue, TEST_START_MS + 10_000, 'LOWER'), 1)
    assert.equal(test.store.offsetByTime(queue, TEST_START_MS + 10_000, 'UPPER'), 3)
    const range = { topic: 'T', key: 'k', beginMs: 0, endMs: 2 ** 50, countMax: 9 }
    assert.deepEqual(await test.store.index?.query(range), [])
    await test.store.close()
  })

  it('does so across a restart, clean or not, with the clock an hour back', async () => {
    for (const isClean of [true, false]) {
      const clock = new VirtualClock(TEST_START_MS)
      const disk = new FaultyDisk({ clock })
      const test = new TestStore(testHost(disk, clock))
      test.store.open()
      await test.send({ topic: 'T' })
      if (isClean) await test.store.close()
      clock.setWallMs(TEST_START_MS - 3_600_000)
      const next = new TestStore(testHost(disk.afterProcessKill(), clock))
      assert.equal(next.store.open().wasCleanStop, isClean)
      await next.send({ topic: 'T' })
      const times = (await next.records('T')).map(({ storedMs }) => storedMs - TEST_START_MS)
      assert.deepEqual(times, [0, 0])
      await next.store.close()
    }
  })

  it('goes on flushing and noting positions', async () => {
    const { test } = await storedAt([0, -3_600_000])
    await test.host.clock.advance(600)
    assert.equal(test.store.log.durableEnd, test.store.log.end)
    test.host.clock.setWallMs(TEST_START_MS + 3_600_000)
    await test.send({ topic: 'T' })
    await test.host.clock.advance(600)
    assert.equal(test.store.log.durableEnd, test.store.log.end)
    await test.store.close()
  })
})

describe('MessageStore.recordAt', () => {
  it('gives the record that begins there, and nothing else', async () => {
    const test = new TestStore(undefined, testSettings())
    test.store.open()
    const { physicalOffset } = await test.send({ topic: 'T', body: 'one' })
    const two = await test.send({ topic: 'T', body: 'two' })
    assert.equal(test.store.recordAt(physicalOffset)?.includes('one'), true)
    for (let at = 0; at < two.physicalOffset + 300; at++) {
      const isRecord = at === physicalOffset || at === two.physicalOffset
      assert.equal(test.store.recordAt(at) !== undefined, isRecord, `${at}`)
    }
    assert.equal(test.store.earliestStoredMs(), TEST_START_MS)
    for (const at of [-1, 10 ** 12]) assert.equal(test.store.recordAt(at), undefined)
    await test.store.close()
  })

  it('reads nothing for a length that a client has put into a body', async () => {
    const test = new TestStore()
    test.store.open()
    const lying = Buffer.alloc(8)
    lying.writeInt32BE(1_000_000_000, 0)
    lying.writeUInt32BE(0xdaa320a7, 4)
    const { physicalOffset } = await test.send({ topic: 'T', body: lying })
    const record = test.store.recordAt(physicalOffset)
    assert(record)
    assert.equal(test.store.recordAt(physicalOffset + record.indexOf(lying)), undefined)
    await test.store.close()
  })
})
