import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Disk } from '../base/host.ts'
import { SystemTopic } from '../protocol/names.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { TestBroker } from './test-broker.ts'

const SNAPSHOT = '/store/config/delayOffset.json'

function readSnapshot(disk: Disk): string {
  return readFile(disk, SNAPSHOT)?.toString() ?? ''
}

/** @param text undefined removes it */
function writeSnapshot(disk: Disk, text: string | undefined): void {
  if (text !== undefined) {
    disk.mkdirSync('/store/config')
    replaceFileSync(disk, SNAPSHOT, Buffer.from(text))
    return
  }
  for (const path of [SNAPSHOT, `${SNAPSHOT}.bak`]) if (disk.statSync(path)) disk.unlinkSync(path)
}

function faultyBroker(): { test: TestBroker; disk: FaultyDisk } {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  return { test: TestBroker.open({ host: testHost(disk, clock) }), disk }
}

/** The broker after kill -9: what the kernel had is there, nothing else. */
function killed(disk: FaultyDisk, atMs: number): { test: TestBroker; disk: FaultyDisk } {
  const after = disk.afterProcessKill()
  return { test: TestBroker.open({ host: testHost(after, new VirtualClock(atMs)) }), disk: after }
}

/** A broker to which delayed messages are sent, whatever befalls it. */
class DelayRun {
  /** When each message is due, by its body. */
  readonly dueMs = new Map<string, number>()
  test: TestBroker
  #disk: FaultyDisk

  private constructor(disk: FaultyDisk, clock: VirtualClock) {
    this.#disk = disk
    this.test = this.#open(clock)
  }

  static async open(): Promise<DelayRun> {
    const clock = new VirtualClock(TEST_START_MS)
    const run = new DelayRun(new FaultyDisk({ clock }), clock)
    run.test.topic('orders', 1)
    await clock.settle()
    return run
  }

  async send(level: number): Promise<void> {
    const body = `m${this.dueMs.size}`
    this.dueMs.set(body, this.test.clock.nowMs() + ([1000, 2000, 5000][level - 1] ?? 0))
    this.test.put({ topic: 'orders', body, properties: { DELAY: String(level) } })
    await this.test.clock.settle()
  }

  async wait(ms: number): Promise<void> {
    await this.test.clock.advance(ms)
  }

  /** The disk is full for a while. */
  async full(ms: number): Promise<void> {
    const end = this.#disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    await this.test.clock.advance(ms)
    end()
    // what comes to a disk that was full is refused until room is found
    await this.test.clock.advance(6000)
  }

  async stop(downMs: number): Promise<void> {
    const nowMs = this.test.clock.nowMs()
    await this.test.close()
    await this.#again(nowMs + downMs)
  }

  async kill(downMs: number): Promise<void> {
    await this.#again(this.test.clock.nowMs() + downMs)
  }

  async #again(nowMs: number): Promise<void> {
    this.#disk = this.#disk.afterProcessKill()
    this.test = this.#open(new VirtualClock(nowMs))
    await this.test.clock.settle()
  }

  #open(clock: VirtualClock): TestBroker {
    return TestBroker.open({ host: testHost(this.#disk, clock), store: { delayLevels: '1s 2s 5s' } })
  }
}

describe('DelaySchedule', () => {
  it('delivers a message when its level says, not before', async () => {
    const test = TestBroker.open()
    test.topic('orders')
    await test.send({ topic: 'orders', queueId: 2, body: 'later', properties: { DELAY: '3', TAGS: 'A' } })
    await test.clock.advance(10_000)
    assert.deepEqual(await test.bodies('orders', 2), [])
    await test.clock.advance(1)
    const [message] = await test.messages('orders', 2)
    assert.equal(message?.body.toString(), 'later')
    assert.equal(message?.properties.get('TAGS'), 'A')
    assert.equal(message?.properties.get('REAL_TOPIC'), 'orders')
    await test.close()
  })

  it('is not early by a part of a millisecond either', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    await test.clock.advance(0.9)
    for (const properties of [{ DELAY: '1' }, { TIMER_DELAY_MS: '1000' }])
      await test.send({ topic: 'orders', body: 'late in its millisecond', properties: { ...properties } })
    await test.clock.advance(999.3)
    // whoever comes has the schedules look at what is due
    for (const properties of [{ DELAY: '1' }, { TIMER_DELAY_MS: '1000' }])
      await test.send({ topic: 'orders', properties: { ...properties } })
    assert.deepEqual(await test.bodies('orders'), [])
    await test.clock.advance(2)
    assert.deepEqual(await test.bodies('orders'), ['late in its millisecond', 'late in its millisecond'])
    await test.close()
  })

  it('counts from when a message came, however long the turn has been', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    test.put({ topic: 'orders', queueId: 0, body: 'first of its turn' })
    test.clock.setWallMs(TEST_START_MS + 300)
    for (const properties of [{ DELAY: '1' }, { TIMER_DELAY_SEC: '1' }])
      test.put({ topic: 'orders', body: 'behind it', properties: { ...properties } })
    await test.clock.advance(1000)
    assert.deepEqual(await test.bodies('orders'), ['first of its turn'])
    await test.clock.advance(1)
    assert.deepEqual(await test.bodies('orders'), ['first of its turn', 'behind it', 'behind it'])
    await test.close()
  })

  it('takes a level above the highest for the highest, and none or 0 for no delay', async () => {
    const test = TestBroker.open()
    test.topic('orders')
    await test.send({ topic: 'orders', body: 'highest', properties: { DELAY: '99' } })
    await test.send({ topic: 'orders', body: 'none', properties: { DELAY: '0' } })
    await test.send({ topic: 'orders', body: 'not a level', properties: { DELAY: 'x' } })
    assert.deepEqual(await test.bodies('orders'), ['none', 'not a level'])
    await test.clock.advance(2 * 3_600_000 + 1)
    assert.deepEqual(await test.bodies('orders'), ['none', 'not a level', 'highest'])
    await test.close()
  })

  it('keeps the order of a level, and delivers many that fall due together', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    const sent = Array.from({ length: 3000 }, (_, i) => `m${i}`)
    for (const body of sent) test.put({ topic: 'orders', body, properties: { DELAY: '1' } })
    await test.clock.advance(1100)
    assert.deepEqual(await test.bodies('orders'), sent)
    await test.close()
  })

  it('delivers one at its millisecond, and those close behind it together, twelve milliseconds later at most', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    for (let i = 0; i < 20; i++) {
      await test.send({ topic: 'orders', properties: { DELAY: '1' } })
      await test.clock.advance(2)
    }
    await test.clock.advance(1100)
    const messages = await test.messages('orders')
    const storedMs = messages.map(({ storeTimestamp }) => storeTimestamp - TEST_START_MS - 1000)
    assert.equal(storedMs[0], 1)
    for (const [i, ms] of storedMs.entries()) assert(ms > 2 * i && ms <= 2 * i + 13, `${i}: ${ms}`)
    assert.equal(new Set(storedMs).size, 5)
    await test.close()
  })

  it('delivers as many together while others are sent', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    for (let i = 0; i < 700; i++) {
      await test.send({ topic: 'orders', properties: { DELAY: '1' } })
      await test.clock.advance(2)
    }
    const messages = await test.messages('orders')
    const storedMs = messages.map(({ storeTimestamp }) => storeTimestamp - TEST_START_MS - 1000)
    for (const [i, ms] of storedMs.entries()) assert(ms > 2 * i && ms <= 2 * i + 13, `${i}: ${ms}`)
    const deliveriesMs = [...new Set(storedMs)]
    assert(deliveriesMs.length <= messages.length / 4, `${deliveriesMs.length} deliveries`)
    // all but the first go along with a send, for which the broker is awake: one comes every two milliseconds
    for (const ms of deliveriesMs.slice(1)) assert.equal(ms % 2, 0, `${ms}`)
    await test.close()
  })

  it('delivers what fell due while it was down, once, whatever the moment of the kill', async () => {
    for (const killAfterMs of [0, 500, 999, 1000, 1001, 1500, 4000, 6000, 9000]) {
      const first = faultyBroker()
      first.test.topic('orders', 1)
      for (let i = 0; i < 20; i++) {
        await first.test.send({
          topic: 'orders',
          body: `m${i}`,
          properties: { DELAY: i % 2 === 0 ? '1' : '2' },
        })
        await first.test.clock.advance(100)
      }
      await first.test.clock.advance(killAfterMs)
      const second = killed(first.disk, TEST_START_MS + 60_000)
      await second.test.clock.advance(1000)
      // killed again at once, before any snapshot: what was delivered is counted from the log
      const third = killed(second.disk, TEST_START_MS + 120_000)
      await third.test.clock.advance(1000)
      const bodies = await third.test.bodies('orders')
      assert.deepEqual(
        bodies.sort(),
        Array.from({ length: 20 }, (_, i) => `m${i}`).sort(),
        `after ${killAfterMs} ms`,
      )
      await third.test.close()
    }
  })

  it('goes on when the disk takes messages again', async () => {
    const { test, disk } = faultyBroker()
    test.topic('orders', 1)
    await test.send({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    const end = disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    await test.clock.advance(5000)
    assert.deepEqual(await test.bodies('orders'), [])
    end()
    await test.clock.advance(5000)
    assert.deepEqual(await test.bodies('orders'), ['m'])
    await test.close()
  })

  it('restarts where it was, after a stop and after a kill, RocketMQ issue #3473', async () => {
    const { test, disk } = faultyBroker()
    test.topic('orders', 1)
    for (let i = 0; i < 50; i++) {
      await test.send({ topic: 'orders', body: `m${i}`, properties: { DELAY: '1' } })
      await test.clock.advance(20)
    }
    await test.clock.advance(500)
    const count = (await test.bodies('orders')).length
    assert.ok(count > 0 && count < 50, `${count} are delivered`)
    const nowMs = test.clock.nowMs()
    await test.close()
    const again = killed(disk, nowMs)
    await again.test.clock.settle()
    assert.equal((await again.test.bodies('orders')).length, count)
    await again.test.clock.advance(2000)
    const last = killed(again.disk, nowMs + 2000)
    await last.test.clock.advance(2000)
    assert.deepEqual(
      await last.test.bodies('orders'),
      Array.from({ length: 50 }, (_, i) => `m${i}`),
    )
    await last.test.close()
  })

  it('goes on from the log alone when it takes over, RocketMQ issues #2259 and #2357', async () => {
    const first = faultyBroker()
    first.test.topic('orders', 1)
    const put = (from: number, to: number): void => {
      for (let i = from; i < to; i++)
        first.test.put({ topic: 'orders', body: `m${i}`, properties: { DELAY: '1' } })
    }
    put(0, 10)
    await first.test.clock.advance(10_000)
    put(10, 20)
    await first.test.clock.advance(10_000)
    // a replica has the log, and of the snapshot none, or an old one
    for (const snapshot of [undefined, '{"offsetTable":{1:5},"logOffset":0}']) {
      const taken = first.disk.afterProcessKill()
      writeSnapshot(taken, snapshot)
      const test = TestBroker.open({ host: testHost(taken, new VirtualClock(TEST_START_MS + 60_000)) })
      await test.clock.advance(2000)
      assert.equal((await test.bodies('orders')).length, 20, `after ${snapshot}`)
      assert.deepEqual(test.broker.delays.progress().get(1), { next: 20, end: 20 })
      await test.close()
    }
  })

  it('leaves its file alone until it has read it, RocketMQ issue #6881', async () => {
    const { test, disk } = faultyBroker()
    test.topic('orders', 1)
    test.put({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    await test.clock.advance(10_000)
    await test.close()
    const before = readSnapshot(disk)
    assert.match(before, /1:1/)
    const slow = TestBroker.make({ host: testHost(disk, new VirtualClock(TEST_START_MS + 60_000)) })
    await slow.clock.advance(60_000)
    assert.equal(readSnapshot(disk), before)
    slow.broker.open()
    await slow.clock.advance(60_000)
    assert.deepEqual(await slow.bodies('orders'), ['m'])
    await slow.close()
  })

  it('is not held up by offsets that the log does not have, RocketMQ issue #1869', async () => {
    for (const [snapshot, expected] of [
      ['{"offsetTable":{1:25477423,2:3},"logOffset":0}', ['a', 'b']],
      ['{"offsetTable":{1:2},"logOffset":99999999}', ['a', 'b']],
      // RocketMQ's own: what it says it has delivered is believed, as far as there are messages
      ['{"offsetTable":{1:25477423}}', ['b']],
    ] as const) {
      const first = faultyBroker()
      first.test.topic('orders', 1)
      await first.test.send({ topic: 'orders', body: 'a', properties: { DELAY: '1' } })
      const disk = first.disk.afterProcessKill()
      writeSnapshot(disk, snapshot)
      const test = TestBroker.open({ host: testHost(disk, new VirtualClock(TEST_START_MS)) })
      await test.send({ topic: 'orders', body: 'b', properties: { DELAY: '1' } })
      await test.clock.advance(2000)
      assert.deepEqual(await test.bodies('orders'), expected, snapshot)
      await test.close()
    }
  })

  it('begins anew in a log that was emptied', async () => {
    const test = TestBroker.open()
    const { disk } = test.host
    await test.close()
    writeSnapshot(disk, '{"offsetTable":{1:7},"logOffset":5000}')
    const again = TestBroker.open({ host: testHost(disk) })
    again.topic('orders', 1)
    await again.send({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    await again.clock.advance(1001)
    assert.deepEqual(await again.bodies('orders'), ['m'])
    await again.close()
  })

  it('tries again from what failed, and only that, RocketMQ issues #9248 and #6984', async () => {
    for (let failing = 1; failing <= 6; failing++) {
      const { test, disk } = faultyBroker()
      test.topic('orders', 1)
      const sent = Array.from({ length: 40 }, (_, i) => `m${i}`)
      for (const body of sent) {
        test.put({ topic: 'orders', body, properties: { DELAY: '1' } })
        await test.clock.advance(5)
      }
      let writes = 0
      const isLog = (op: { kind: string; path: string }): boolean =>
        op.kind === 'write' && op.path.includes('commitlog')
      const end = disk.fail((op) => isLog(op) && ++writes % 6 >= failing, 'EIO')
      await test.clock.advance(1500)
      end()
      await test.clock.advance(3000)
      assert.deepEqual(await test.bodies('orders'), sent, `write ${failing} and those behind it fail`)
      await test.close()
    }
  })

  it('passes over what can never be delivered, RocketMQ issue #4226', async () => {
    const test = TestBroker.open({ store: { commitLogFileBytes: 1024 * 1024 } })
    test.topic('orders', 1)
    const properties = { DELAY: '1', UNIQ_KEY: 'id', own: 'x'.repeat(31_600) }
    for (const body of ['a', 'b']) test.put({ topic: 'orders', body, properties })
    const queueId = 0
    test.put({ topic: SystemTopic.SCHEDULE, queueId, body: 'it does not say where it goes' })
    test.put({ topic: SystemTopic.SCHEDULE, queueId, properties: { REAL_TOPIC: 'orders', REAL_QID: '-4' } })
    test.put({ topic: 'orders', body: 'c', properties: { DELAY: '1' } })
    await test.clock.advance(1001)
    assert.deepEqual(await test.bodies('orders'), ['a', 'b', 'c'])
    assert.deepEqual(test.broker.delays.progress().get(1), { next: 5, end: 5 })
    await test.close()
  })

  it('passes over records that are damaged, and delivers those beside them', async () => {
    for (const damaged of [[0], [1], [3], [1, 2], [0, 1, 2, 3]]) {
      const { test, disk } = faultyBroker()
      test.topic('orders')
      const places = ['a', 'b', 'c', 'd', 'e'].map((body) =>
        test.put({ topic: 'orders', body, properties: { DELAY: '1' } }),
      )
      // a start looks at the last record of the log, and of each queue
      test.topic('others')
      test.put({ topic: 'others' })
      await test.clock.settle()
      await test.close()
      // after a clean stop the log is not looked through: what the disk has done since is found when it is read. The magic, the length
      for (const index of damaged)
        disk.corrupt('/store/commitlog/00000000000000000000', (places[index] ?? 0) + 4 * (index % 2), 0x10)
      const again = killed(disk, TEST_START_MS + 5000)
      await again.test.clock.settle()
      const rest = ['a', 'b', 'c', 'd', 'e'].filter((_, index) => !damaged.includes(index))
      assert.deepEqual(await again.test.bodies('orders'), rest)
      assert.equal(again.test.broker.counters.passedOver, damaged.length)
      await again.test.send({ topic: 'orders', body: 'later', properties: { DELAY: '1' } })
      await again.test.clock.advance(1001)
      assert.deepEqual(await again.test.bodies('orders'), [...rest, 'later'])
      await again.test.close()
    }
  })

  it('goes by the levels that are set', async () => {
    const test = TestBroker.open({ store: { delayLevels: '3s 1m' } })
    test.topic('orders', 1)
    for (const level of [1, 2, 3])
      test.put({ topic: 'orders', body: `l${level}`, properties: { DELAY: `${level}` } })
    await test.clock.advance(3001)
    assert.deepEqual(await test.bodies('orders'), ['l1'])
    await test.clock.advance(57_000)
    assert.deepEqual(await test.bodies('orders'), ['l1', 'l2', 'l3'])
    assert.equal((await test.messages('orders'))[2]?.properties.get('DELAY'), '2')
    await test.close()
  })

  it('stays small while many large ones fall due together', async () => {
    const test = TestBroker.open({
      store: { commitLogFileBytes: 64 * 1024 * 1024, cacheBytesMax: 8 * 1024 * 1024 },
    })
    test.topic('orders', 1)
    for (let i = 0; i < 40; i++) {
      test.put({ topic: 'orders', body: Buffer.alloc(1024 * 1024, i), properties: { DELAY: '1' } })
      await test.clock.settle()
    }
    await test.clock.advance(1200)
    assert.equal((await test.messages('orders')).length, 40)
    await test.close()
  })

  it('agrees with a model through sends, waits, stops, kills and full disks', async () => {
    const ms = fc.integer({ min: 1, max: 3000 })
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('send' as const), level: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'stop' as const), ms }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('full' as const), ms }) },
    )
    const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const run = await DelayRun.open()
      for (const each of steps) {
        if (each.kind === 'send') await run.send(each.level)
        else await run[each.kind](each.ms)
      }
      await run.wait(15_000)
      const { dueMs, test } = run
      const delivered = await test.messages('orders')
      assert.deepEqual(delivered.map(({ body }) => body.toString()).sort(), [...dueMs.keys()].sort())
      for (const { body, storeTimestamp } of delivered)
        assert.ok(storeTimestamp >= (dueMs.get(body.toString()) ?? 0), 'none comes early')
      await test.close()
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('delivers at once what a clock set back would leave for ever', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    await test.send({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    test.clock.setWallMs(test.clock.nowMs() - 3_600_000)
    await test.clock.advance(2000)
    assert.deepEqual(await test.bodies('orders'), ['m'])
    await test.close()
  })
})
