import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { AppendOutcome } from '../../store/pending-appends.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import { IncomingMessage } from '../incoming-message.ts'
import { TestBroker } from '../test-broker.ts'
import { DEDUP_KEY } from './dedup-scope.ts'

const WINDOW_MS = 60_000

interface Answer {
  readonly outcome: AppendOutcome
  readonly queueId: number
  readonly queueOffset: number
  readonly physicalOffset: number
}

/** A broker that stores messages with a key once within a minute. */
class DedupRun {
  readonly test: TestBroker
  readonly disk: FaultyDisk
  readonly #settings: Partial<BrokerSettings>

  private constructor(disk: FaultyDisk, clock: VirtualClock, settings: Partial<BrokerSettings>) {
    this.disk = disk
    this.#settings = settings
    this.test = TestBroker.open({
      host: testHost(disk, clock),
      settings: { dedupWindowMs: WINDOW_MS, ...settings },
    })
    for (const topic of ['orders', 'other']) this.test.topic(topic, 2)
  }

  static open(settings: Partial<BrokerSettings> = {}): DedupRun {
    const clock = new VirtualClock(TEST_START_MS)
    return new DedupRun(new FaultyDisk({ clock }), clock, settings)
  }

  killed(): DedupRun {
    const clock = new VirtualClock(this.test.clock.nowMs())
    return new DedupRun(this.disk.afterProcessKill(), clock, this.#settings)
  }

  async restarted(): Promise<DedupRun> {
    await this.test.close()
    return new DedupRun(this.disk, this.test.clock, this.#settings)
  }

  async ended(how: 'kill' | 'stop'): Promise<DedupRun> {
    await this.test.clock.settle()
    return how === 'kill' ? this.killed() : this.restarted()
  }

  /** Sends within the present turn. */
  put(
    key: string | undefined,
    body: string,
    more: Parameters<TestBroker['put']>[0] | object = {},
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const { properties, ...parts } = { properties: {}, ...more }
      const keyed = { ...(key !== undefined && { [DEDUP_KEY]: key }), ...properties }
      this.test.put(
        { topic: 'orders', body, ...parts, properties: keyed },
        {
          appended: (outcome, _token, queueId, queueOffset, physicalOffset) =>
            resolve({ outcome, queueId, queueOffset, physicalOffset }),
        },
      )
    })
  }

  async send(key: string | undefined, body: string, more?: object): Promise<Answer> {
    const answer = this.put(key, body, more)
    await this.test.clock.settle()
    return answer
  }

  async bodies(): Promise<string[]> {
    return [...(await this.test.bodies('orders', 0)), ...(await this.test.bodies('orders', 1))]
  }
}

/** Which sends are to be stored, by a list of all of them. */
class SentKeys {
  storedCount = 0
  readonly #storedMs = new Map<number, number>()

  /** @param isInTurn whether what follows is of the same turn */
  async send(run: DedupRun, key: number, isInTurn: boolean): Promise<void> {
    this.#note(key, run.test.clock.nowMs())
    void run.put(`k${key}`, 'm')
    if (!isInTurn) await run.test.clock.settle()
  }

  #note(key: number, nowMs: number): void {
    if (nowMs - (this.#storedMs.get(key) ?? Number.NEGATIVE_INFINITY) < WINDOW_MS) return
    this.#storedMs.set(key, nowMs)
    this.storedCount++
  }
}

describe('Deduplication', () => {
  it('stores a message once, and repeats the first answer', async () => {
    const run = DedupRun.open()
    const first = await run.send('k', 'a', { queueId: 1 })
    await run.send(undefined, 'between')
    const again = await run.send('k', 'b', { queueId: 0 })
    assert.deepEqual(again, first)
    assert.deepEqual(await run.bodies(), ['between', 'a'])
    assert.equal(run.test.broker.dedup.repeatedCount, 1)
    await run.test.close()
  })

  it('answers those that come while the first is on its way, as the first', async () => {
    const run = DedupRun.open()
    const answers = [run.put('k', 'a'), run.put('k', 'b'), run.put('k', 'c')]
    await run.test.clock.settle()
    const [one, two, three] = await Promise.all(answers)
    assert.deepEqual([two, three], [one, one])
    assert.deepEqual(await run.bodies(), ['a'])
    await run.test.close()
  })

  it('takes a message that was refused for none when another is committed', async () => {
    const run = DedupRun.open()
    const half = await run.send(undefined, 'committed', { properties: { TRAN_MSG: 'true', PGROUP: 'g' } })
    assert.throws(() => run.test.put({ topic: 'orders', body: '', properties: { [DEDUP_KEY]: 'k' } }))
    run.test.broker.transactions.end(
      { group: 'g', ...half, ending: 'COMMITTED', isFromCheck: false },
      () => undefined,
    )
    await run.send('k', 'a')
    await run.test.clock.settle()
    assert.deepEqual(await run.bodies(), ['committed', 'a'])
    await run.test.close()
  })

  it('goes by topic, and by the producer group where the message names it', async () => {
    const run = DedupRun.open()
    await run.send('k', 'a')
    await run.send('k', 'b', { topic: 'other' })
    await run.send('k', 'c', { properties: { PGROUP: 'g' } })
    await run.send('other', 'd')
    await run.send('k', 'e', { properties: { PGROUP: 'g' } })
    assert.deepEqual(await run.bodies(), ['a', 'c', 'd'])
    assert.deepEqual(await run.test.bodies('other'), ['b'])
    await run.test.close()
  })

  it('stores again what comes after the window', async () => {
    const run = DedupRun.open()
    await run.send('k', 'a')
    await run.test.clock.advance(WINDOW_MS - 1)
    await run.send('k', 'b')
    await run.test.clock.advance(1)
    await run.send('k', 'c')
    await run.test.clock.advance(WINDOW_MS - 1)
    await run.send('k', 'd')
    assert.deepEqual(await run.bodies(), ['a', 'c'])
    await run.test.clock.advance(2 * WINDOW_MS)
    assert.equal(run.test.broker.dedup.count, 0)
    await run.test.close()
  })

  it('refuses a key for a whole batch: it would name all its messages alike', async () => {
    const run = DedupRun.open()
    const { sender } = run.test.broker
    sender.properties.begin()
    sender.properties.addPair(DEDUP_KEY, 'k')
    sender.properties.share()
    assert.throws(() => sender.checkBatchProperties(new IncomingMessage()), { kind: 'messageIllegal' })
    await run.test.close()
  })

  it('knows after kill -9 and after a restart what was sent before', async () => {
    let run = DedupRun.open()
    const first = await run.send('k0', 'm0')
    for (let i = 1; i < 5; i++) await run.send(`k${i}`, `m${i}`)
    for (const next of ['kill', 'stop', 'kill', 'wait', 'kill', 'stop'] as const) {
      if (next === 'wait') await run.test.clock.advance(10_000)
      else run = next === 'kill' ? run.killed() : await run.restarted()
      assert.deepEqual(await run.send('k0', 'again'), first, next)
      for (let i = 1; i < 5; i++) await run.send(`k${i}`, 'again')
    }
    assert.deepEqual(await run.bodies(), ['m0', 'm1', 'm2', 'm3', 'm4'])
    await run.test.close()
  })

  it('knows after a long silence that it remembered keys before', async () => {
    let run = DedupRun.open()
    await run.test.clock.advance(2 * WINDOW_MS)
    const first = await run.send('k', 'a')
    run = run.killed()
    assert.deepEqual(await run.send('k', 'b'), first)
    await run.test.close()
  })

  it('holds for messages that are delayed, before and after they are delivered', async () => {
    let run = DedupRun.open()
    const delayed = { queueId: 1, properties: { DELAY: '2' } }
    const first = await run.send('k', 'a', delayed)
    assert.equal(first.queueId, 1)
    assert.deepEqual(await run.send('k', 'b', delayed), first)
    await run.test.clock.advance(6000)
    assert.deepEqual(await run.send('k', 'c', delayed), first)
    run = run.killed()
    assert.deepEqual(await run.send('k', 'd', delayed), first)
    assert.deepEqual(await run.bodies(), ['a'])
    await run.test.close()
  })

  it('holds for messages of transactions: the same half message is prepared once', async () => {
    const run = DedupRun.open()
    const half = { properties: { TRAN_MSG: 'true', PGROUP: 'g' } }
    const first = await run.send('k', 'a', half)
    assert.deepEqual(await run.send('k', 'b', half), first)
    const { transactions } = run.test.broker
    transactions.end({ group: 'g', ...first, ending: 'COMMITTED', isFromCheck: false }, (error) =>
      assert.equal(error, undefined),
    )
    await run.test.clock.settle()
    assert.deepEqual(await run.bodies(), ['a'])
    assert.deepEqual(await run.test.bodies(SystemTopic.TRANS_HALF), ['a'])
    await run.test.close()
  })

  it('stores what was refused before', async () => {
    const run = DedupRun.open()
    const heal = run.disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    const answers = [run.put('k', 'a'), run.put('k', 'b')]
    await run.test.clock.settle()
    assert.deepEqual(
      (await Promise.all(answers)).map(({ outcome }) => outcome),
      ['notWritable', 'notWritable'],
    )
    heal()
    await run.test.clock.advance(5000)
    assert.equal((await run.send('k', 'c')).outcome, 'stored')
    assert.deepEqual(await run.bodies(), ['c'])
    await run.test.close()
  })

  it('forgets the oldest keys where there are more than it may remember', async () => {
    const run = DedupRun.open({ dedupKeysMax: 1000 })
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 100; i++) void run.put(`k${round * 100 + i}`, 'x')
      await run.test.clock.advance(2000)
    }
    assert.ok(run.test.broker.dedup.count <= 1100, `${run.test.broker.dedup.count} keys`)
    await run.send('k2999', 'again')
    assert.equal(run.test.broker.dedup.repeatedCount, 1)
    await run.test.close()
  })

  it('does nothing, and keeps no file, where it is off', async () => {
    const run = DedupRun.open({ dedupWindowMs: 0 })
    await run.send('k', 'a')
    await run.send('k', 'b')
    await run.test.clock.advance(2 * WINDOW_MS)
    assert.deepEqual(await run.bodies(), ['a', 'b'])
    assert.deepEqual(run.disk.listSync('/store/ternmq/dedup'), [])
    await run.test.close()
  })

  it('reads again from the log what a lost file knew', async () => {
    let run = DedupRun.open()
    for (let i = 0; i < 6; i++) {
      await run.send(`k${i}`, `m${i}`)
      await run.test.clock.advance(WINDOW_MS / 8)
    }
    run = run.killed()
    const dir = '/store/ternmq/dedup'
    const names = run.disk.listSync(dir)
    assert.ok(names.length > 3, names.join())
    await run.test.close()
    run.disk.corrupt(`${dir}/${names[2]}`, 9, 0xff)
    run.disk.unlinkSync(`${dir}/${names[3]}`)
    run = await run.restarted()
    for (let i = 0; i < 6; i++) await run.send(`k${i}`, 'again')
    assert.deepEqual(await run.bodies(), ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'])
    await run.test.close()
  })

  it('agrees with a list of what was sent, whatever happens between', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ key: fc.nat(4), inTurn: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ waitMs: fc.nat(WINDOW_MS) }) },
      { weight: 1, arbitrary: fc.constantFrom({ end: 'kill' as const }, { end: 'stop' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        let run = DedupRun.open()
        const sent = new SentKeys()
        for (const each of steps) {
          if ('key' in each) await sent.send(run, each.key, each.inTurn)
          else if ('waitMs' in each) await run.test.clock.advance(each.waitMs)
          else run = await run.ended(each.end)
        }
        await run.test.clock.settle()
        assert.equal((await run.bodies()).length, sent.storedCount)
      }),
      { numRuns: 80 },
    )
  })
})
