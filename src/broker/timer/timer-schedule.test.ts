import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { SeededRandom } from '../../base/host/seeded-random.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import { TestBroker } from '../test-broker.ts'

const STORE = { commitLogFileBytes: 1024 * 1024 }

type Settings = NonNullable<Parameters<typeof TestBroker.open>[0]>['settings']

function faultyBroker(settings: Settings = {}): { test: TestBroker; disk: FaultyDisk } {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  const test = TestBroker.open({ host: testHost(disk, clock), settings, store: STORE })
  test.topic('orders', 1)
  return { test, disk }
}

/** The broker on what is left of a disk. */
function restarted(
  disk: FaultyDisk,
  atMs: number,
  settings: Settings = {},
): { test: TestBroker; disk: FaultyDisk } {
  const test = TestBroker.open({ host: testHost(disk, new VirtualClock(atMs)), settings, store: STORE })
  return { test, disk }
}

/** Sends a message that is to be delivered at a time from the start of the test. */
function putAt(test: TestBroker, body: string, afterMs: number, more: Record<string, string> = {}): void {
  const properties = { TIMER_DELIVER_MS: String(TEST_START_MS + afterMs), UNIQ_KEY: body, ...more }
  test.put({ topic: 'orders', body, properties })
}

/** A broker to which timer messages are sent and recalled, whatever befalls it. */
class ScheduleRun {
  test: TestBroker
  readonly #settings: Settings
  #disk: FaultyDisk
  /** When each message is due, by its body. */
  readonly #dueMs = new Map<string, number>()
  readonly #deleted = new Set<string>()
  #recallCount = 0

  private constructor(settings: Settings) {
    const { test, disk } = faultyBroker(settings)
    this.test = test
    this.#disk = disk
    this.#settings = settings
  }

  static async open(settings: Settings): Promise<ScheduleRun> {
    const run = new ScheduleRun(settings)
    await run.test.clock.settle()
    return run
  }

  /** Bodies of the messages that are to be delivered. */
  get expected(): string[] {
    return [...this.#dueMs.keys()].filter((body) => !this.#deleted.has(body))
  }

  async send(afterMs: number): Promise<void> {
    const body = `m${this.#dueMs.size}`
    const dueMs = this.test.clock.nowMs() + afterMs
    this.#dueMs.set(body, dueMs)
    putAt(this.test, body, dueMs - TEST_START_MS)
    await this.test.clock.settle()
  }

  /** Recalls a message, unless it is too late in the second concerned: RocketMQ refuses that too. */
  async delete(pick: number): Promise<void> {
    const [body, dueMs] = [...this.#dueMs][pick % Math.max(this.#dueMs.size, 1)] ?? ['', 0]
    if (dueMs - 1001 <= this.test.clock.nowMs()) return
    this.#deleted.add(body)
    this.#recallCount++
    putAt(this.test, `delete ${body}`, dueMs - TEST_START_MS, { TIMER_DEL_UNIQKEY: `orders_${body}` })
    await this.test.clock.settle()
  }

  async wait(ms: number): Promise<void> {
    await this.test.clock.advance(ms)
  }

  async stop(downMs: number): Promise<void> {
    const nowMs = this.test.clock.nowMs()
    await this.test.close()
    await this.#again(nowMs + downMs)
  }

  async kill(downMs: number): Promise<void> {
    await this.#again(this.test.clock.nowMs() + downMs)
  }

  /** None has come early, and each that waits is counted. */
  async check(): Promise<void> {
    const delivered = await this.test.messages('orders')
    for (const { body, storeTimestamp } of delivered)
      assert.ok(storeTimestamp >= (this.#dueMs.get(body.toString()) ?? 0), 'none comes early')
    // as in RocketMQ, one that is recalled twice counts so
    if (this.#recallCount !== this.#deleted.size) return
    const waiting = this.#dueMs.size - this.#deleted.size - delivered.length
    assert.equal(this.test.broker.timers.counts().total, waiting, 'each that waits is counted')
  }

  async #again(nowMs: number): Promise<void> {
    const { disk, test } = restarted(this.#disk.afterProcessKill(), nowMs, this.#settings)
    this.#disk = disk
    this.test = test
    await test.clock.settle()
  }
}

describe('TimerSchedule', () => {
  it('delivers a message when its time has come, as RocketMQ marks it', async () => {
    const { test } = faultyBroker()
    const properties = { TIMER_DELAY_SEC: '2', TAGS: 'TagT', KEYS: 'k', UNIQ_KEY: 'id', WAIT: 'true' }
    await test.clock.advance(300)
    await test.send({ topic: 'orders', body: 'm', properties })
    const [waiting] = await test.messages(SystemTopic.TIMER)
    assert.equal(waiting?.properties.get('TIMER_OUT_MS'), String(TEST_START_MS + 2000))
    assert.equal(waiting?.properties.get('REAL_TOPIC'), 'orders')
    await test.clock.advance(2000)
    assert.deepEqual(await test.bodies('orders'), [])
    await test.clock.advance(1)
    const [message] = await test.messages('orders')
    // as in the store of RocketMQ that test/fixtures has
    assert.deepEqual([...(message?.properties.keys() ?? [])].sort(), [
      ...['CLUSTER', 'KEYS', 'MSG_REGION', 'REAL_QID', 'REAL_TOPIC', 'TAGS', 'TIMER_DELAY_SEC'],
      ...['TIMER_DEQUEUE_MS', 'TIMER_ENQUEUE_MS', 'TIMER_OUT_MS', 'TRACE_ON', 'UNIQ_KEY', 'WAIT'],
    ])
    assert.equal(message?.properties.get('TIMER_ENQUEUE_MS'), String(TEST_START_MS))
    await test.close()
  })

  it('reads the three ways of asking in RocketMQ’s order, and a level before them', async () => {
    const { test } = faultyBroker()
    const at = String(TEST_START_MS + 9000)
    test.put({
      topic: 'orders',
      body: 'sec',
      properties: { TIMER_DELAY_SEC: '1', TIMER_DELAY_MS: '5000', TIMER_DELIVER_MS: at },
    })
    test.put({ topic: 'orders', body: 'ms', properties: { TIMER_DELAY_MS: '1500', TIMER_DELIVER_MS: at } })
    test.put({ topic: 'orders', body: 'at', properties: { TIMER_DELIVER_MS: at } })
    test.put({ topic: 'orders', body: 'level', properties: { DELAY: '2', TIMER_DELAY_SEC: '1' } })
    const seen: string[][] = []
    for (const ms of [1001, 500, 3500, 4000]) {
      await test.clock.advance(ms)
      seen.push(await test.bodies('orders'))
    }
    assert.deepEqual(seen, [['sec'], ['sec', 'ms'], ['sec', 'ms', 'level'], ['sec', 'ms', 'level', 'at']])
    await test.close()
  })

  it('delivers at once what was due already, and refuses what is too far or cannot be read', async () => {
    const { test } = faultyBroker({ timerMaxDelaySec: 60 })
    test.put({ topic: 'orders', body: 'past', properties: { TIMER_DELIVER_MS: String(TEST_START_MS - 1) } })
    test.put({ topic: 'orders', body: 'now', properties: { TIMER_DELAY_SEC: '0' } })
    await test.clock.settle()
    assert.deepEqual(await test.bodies('orders'), ['past', 'now'])
    for (const properties of [
      { TIMER_DELAY_SEC: '61' },
      { TIMER_DELAY_MS: 'soon' },
      { TIMER_DELIVER_MS: '99999999999999999999' },
      { TIMER_DELIVER_MS: String(TEST_START_MS - 1), TIMER_DEL_UNIQKEY: 'orders_x' },
    ]) {
      assert.throws(() => test.put({ topic: 'orders', properties }), { kind: 'messageIllegal' })
    }
    await test.close()
  })

  it('delivers in the order in which messages fall due', async () => {
    const { test } = faultyBroker()
    const times = Array.from({ length: 500 }, (_, i) => 1000 + ((i * 7919) % 20_000))
    for (const [i, afterMs] of times.entries()) {
      putAt(test, `m${i}`, afterMs)
      if (i % 50 === 0) await test.clock.advance(10)
    }
    await test.clock.advance(25_000)
    const delivered = await test.messages('orders')
    const due = delivered.map(({ properties }) => Number(properties.get('TIMER_DELIVER_MS')))
    assert.deepEqual(
      due,
      [...due].sort((one, other) => one - other),
    )
    assert.equal(due.length, 500)
    for (const message of delivered) {
      const lateMs = message.storeTimestamp - Number(message.properties.get('TIMER_DELIVER_MS'))
      assert.ok(lateMs >= 0 && lateMs <= 5, `${lateMs} ms late`)
    }
    await test.close()
  })

  it('keeps a message that waits longer than its log file lives', async () => {
    const settings = { timerMaxDelaySec: 365 * 24 * 3600, timerRollWindowSec: 60 }
    const { test } = faultyBroker(settings)
    putAt(test, 'far', 600_000)
    putAt(test, 'nearly two', 75_000)
    await test.clock.advance(600_000)
    assert.deepEqual(await test.bodies('orders'), ['nearly two'])
    await test.clock.advance(1)
    const [near, far] = await test.messages('orders')
    assert.equal(far?.body.toString(), 'far')
    assert.equal(far?.properties.get('TIMER_ROLL_TIMES'), '9')
    assert.equal(near?.properties.get('TIMER_ROLL_TIMES'), '1')
    await test.close()
  })

  it('leaves out what was deleted, and only that', async () => {
    const { test } = faultyBroker()
    for (const body of ['a', 'b', 'c']) putAt(test, body, 30_300)
    putAt(test, 'next second', 31_001, { UNIQ_KEY: 'a' })
    await test.clock.advance(7000)
    // by the second in which it falls due, whatever the millisecond
    putAt(test, 'delete', 30_900, { TIMER_DEL_UNIQKEY: 'orders_a' })
    putAt(test, 'delete', 30_001, { TIMER_DEL_UNIQKEY: 'orders_c' })
    putAt(test, 'delete of another topic', 30_001, { TIMER_DEL_UNIQKEY: 'other_b' })
    await test.clock.advance(60_000)
    assert.deepEqual(await test.bodies('orders'), ['b', 'next second'])
    await test.close()
  })

  it('delivers nothing at a start before it has read what may delete it', async () => {
    const first = faultyBroker()
    putAt(first.test, 'a', 1002)
    await first.test.clock.settle()
    await first.test.close()
    const second = restarted(first.disk.afterProcessKill(), TEST_START_MS + 10)
    putAt(second.test, 'delete', 1002, { TIMER_DEL_UNIQKEY: 'orders_a' })
    await second.test.clock.settle()
    const third = restarted(second.disk.afterProcessKill(), TEST_START_MS + 1002)
    await third.test.clock.advance(5000)
    assert.deepEqual(await third.test.bodies('orders'), [])
    await third.test.close()
  })

  it('remembers what was deleted through a kill in the second concerned', async () => {
    const first = faultyBroker()
    putAt(first.test, 'a', 30_900)
    putAt(first.test, 'b', 30_900)
    putAt(first.test, 'delete', 30_100, { TIMER_DEL_UNIQKEY: 'orders_a' })
    // a snapshot falls between the deletion and the message
    await first.test.clock.advance(30_450)
    const second = restarted(first.disk.afterProcessKill(), TEST_START_MS + 30_500)
    await second.test.clock.advance(60_000)
    assert.deepEqual(await second.test.bodies('orders'), ['b'])
    await second.test.close()
  })

  it('loses and doubles nothing, whatever the moment of a kill or a power cut', async () => {
    for (const afterMs of [0, 1500, 4390, 4400, 7777]) {
      for (const isPowerCut of [false, true]) {
        const first = faultyBroker()
        const bodies: string[] = []
        for (let i = 0; i < 60; i++) {
          bodies.push(`m${i}`)
          putAt(first.test, `m${i}`, 500 + ((i * 37) % 60) * 300)
        }
        await first.test.clock.advance(600)
        await first.test.clock.advance(afterMs)
        const left = isPowerCut
          ? first.disk.afterPowerLoss('kept', new SeededRandom(1))
          : first.disk.afterProcessKill()
        const second = restarted(left, TEST_START_MS + 600 + afterMs + 100)
        await second.test.clock.advance(3000)
        const third = restarted(second.disk.afterProcessKill(), TEST_START_MS + 600 + afterMs + 3100)
        await third.test.clock.advance(60_000)
        assert.deepEqual((await third.test.bodies('orders')).sort(), bodies.sort(), `after ${afterMs} ms`)
        await third.test.close()
      }
    }
  })

  it('makes its index again from the log when the files are gone', async () => {
    const first = faultyBroker()
    for (let i = 0; i < 40; i++) putAt(first.test, `m${i}`, 1000 + i * 500)
    await first.test.clock.advance(11_000)
    const before = await first.test.bodies('orders')
    assert.ok(before.length > 10 && before.length < 40)
    await first.test.close()
    const disk = first.disk.afterProcessKill()
    for (const name of disk.listSync('/store/ternmq/timers')) disk.unlinkSync(`/store/ternmq/timers/${name}`)
    const second = restarted(disk, TEST_START_MS + 11_000)
    await second.test.clock.advance(30_000)
    assert.equal((await second.test.bodies('orders')).length, 40)
    assert.equal(new Set(await second.test.bodies('orders')).size, 40)
    await second.test.close()
  })

  it('deletes messages also where the broker rests while it and its deletion were to be stored again', async () => {
    const settings = { timerMaxDelaySec: 365 * 24 * 3600, timerRollWindowSec: 60 }
    // stored again at 60 s and 70 s, or not before the rest; another deletion falls due behind
    for (const killMs of [15_000, 65_000, 75_000]) {
      const { test, disk } = faultyBroker(settings)
      for (const body of ['a', 'b']) putAt(test, body, 100_500)
      putAt(test, 'c', 104_500)
      await test.clock.advance(10_000)
      putAt(test, 'delete', 100_500, { TIMER_DEL_UNIQKEY: 'orders_a' })
      await test.clock.advance(killMs - 10_000 - 1000)
      putAt(test, 'delete c', 104_500, { TIMER_DEL_UNIQKEY: 'orders_c' })
      await test.clock.advance(1000)
      const after = restarted(disk.afterProcessKill(), TEST_START_MS + 130_000, settings)
      await after.test.clock.advance(5000)
      assert.deepEqual(await after.test.bodies('orders'), ['b'], `killed after ${killMs} ms`)
      await after.test.close()
    }
  })

  it('passes over records that are damaged, and delivers those beside them', async () => {
    for (const damaged of [[0], [1], [3], [1, 2], [0, 1, 2, 3]]) {
      const { test, disk } = faultyBroker()
      const bodies = ['a', 'b', 'c', 'd', 'e']
      const places = bodies.map((body, index) => {
        const properties = { TIMER_DELIVER_MS: String(TEST_START_MS + 2000 + index) }
        return test.put({ topic: 'orders', body, properties })
      })
      // a start looks at the last record of the log, and of each queue
      test.topic('others')
      test.put({ topic: 'others' })
      await test.clock.settle()
      await test.close()
      // the index is made again from the topic: all of its records are read
      disk.unlinkSync('/store/ternmq/timers/snapshot')
      for (const index of damaged)
        disk.corrupt('/store/commitlog/00000000000000000000', (places[index] ?? 0) + 4 * (index % 2), 0x10)
      const again = restarted(disk.afterProcessKill(), TEST_START_MS + 5000)
      await again.test.clock.settle()
      const rest = bodies.filter((_, index) => !damaged.includes(index))
      assert.deepEqual(await again.test.bodies('orders'), rest)
      assert.equal(again.test.broker.counters.passedOver, damaged.length)
      assert.equal(again.test.broker.timers.progress.indexed, 5)
      await again.test.close()
    }
  })

  it('waits for a disk that is full, and repeats nothing, RocketMQ issue #6984', async () => {
    for (let failing = 1; failing <= 4; failing++) {
      const { test, disk } = faultyBroker()
      for (let i = 0; i < 40; i++) putAt(test, `m${i}`, 1000 + i * 5)
      await test.clock.advance(900)
      let writes = 0
      const end = disk.fail(
        (op) => op.kind === 'write' && op.path.includes('commitlog') && ++writes % 5 >= failing,
        'ENOSPC',
      )
      await test.clock.advance(2000)
      end()
      await test.clock.advance(10_000)
      assert.deepEqual(
        await test.bodies('orders'),
        Array.from({ length: 40 }, (_, i) => `m${i}`),
      )
      await test.close()
    }
  })

  it('keeps few of many in memory, and reads few at the start', async () => {
    const first = faultyBroker()
    for (let i = 0; i < 1000; i++) {
      putAt(first.test, `m${i}`, 60_000 + i)
      if (i % 200 === 0) await first.test.clock.advance(6000)
    }
    await first.test.clock.advance(10_000)
    await first.test.close()
    const second = restarted(first.disk.afterProcessKill(), TEST_START_MS + 60_000)
    await second.test.clock.settle()
    assert.deepEqual(second.test.broker.timers.progress.indexed, 1000)
    assert.equal(second.test.broker.timers.memory.heapSize, 0, 'the index is taken up from its files')
    await second.test.clock.advance(60_000)
    assert.equal((await second.test.bodies('orders')).length, 1000)
    await second.test.close()
  })

  it('is not closed before a merge of its files has ended', async () => {
    const { test, disk } = faultyBroker()
    let go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let isMerging = false
    // the runs of eight snapshots are merged into the ninth file
    disk.delay(
      ({ kind, path }) => kind === 'write' && path.endsWith('/run-0000000008'),
      () => {
        isMerging = true
        return gate
      },
    )
    for (let i = 0; i < 8; i++) {
      putAt(test, `m${i}`, 600_000 + i)
      await test.clock.advance(5001)
    }
    assert.ok(isMerging)
    let isClosed = false
    const closing = test.close().then(() => {
      isClosed = true
    })
    await test.clock.settle()
    assert.equal(isClosed, false)
    go()
    await test.clock.advanceUntilSettled(closing, 1000)
    assert.equal(isClosed, true)
  })

  it('agrees with a model through sends, deletions, waits, kills and snapshots', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('send' as const), ms: fc.integer({ min: 1, max: 8000 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), pick: fc.nat() }) },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 6000 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('kill' as const), ms: fc.integer({ min: 0, max: 4000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('stop' as const), ms: fc.integer({ min: 0, max: 4000 }) }),
      },
    )
    // so short a window that many are rolled on their way
    const settings = { timerRollWindowSec: 4 }
    const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const run = await ScheduleRun.open(settings)
      for (const each of steps) {
        if (each.kind === 'delete') await run.delete(each.pick)
        else await run[each.kind](each.ms)
        await run.check()
      }
      await run.wait(15_000)
      assert.deepEqual((await run.test.bodies('orders')).sort(), run.expected.sort())
      await run.test.close()
    })
    await fc.assert(property, { numRuns: 40 })
  })
})
