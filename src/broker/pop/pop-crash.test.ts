import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import { TestBroker } from '../test-broker.ts'
import { type TestHeld, TestPops } from './test-pops.ts'

const INVISIBLE_MS = 1000

/** A message as its consumers know it. */
interface Known {
  readonly body: string
  /** How it is held now, and until when. */
  held: TestHeld | undefined
  untilMs: number
  isAcked: boolean
  /** Whether it has to come at all: not where the broker died over its sending, or its acknowledgement. */
  mustCome: boolean
  /** Times that it was handed out, and those where the broker died over it. */
  handedOut: number
  inDoubt: number
}

type Step =
  | { readonly do: 'send' }
  | { readonly do: 'pop'; readonly count: number }
  | { readonly do: 'ack'; readonly of: number }
  | { readonly do: 'change'; readonly of: number; readonly ms: number }
  | { readonly do: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ do: 'send' } as const) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pop' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), of: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('change' as const), of: fc.nat(9), ms: fc.nat(2 * INVISIBLE_MS) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(INVISIBLE_MS) }) },
)

/** Consumers and their broker, which dies at some call to its disk, and lives again. */
class CrashRun {
  disk: FaultyDisk
  #pops: TestPops
  readonly #known = new Map<string, Known>()
  #sending: Known[] = []
  #sentCount = 0

  constructor() {
    const clock = new VirtualClock(TEST_START_MS)
    this.disk = new FaultyDisk({ clock })
    this.#pops = CrashRun.open(this.disk, clock)
    for (let i = 0; i < 4; i++) this.#put()
  }

  /** Goes through the steps, and when the broker dies takes what its disk has. */
  async run(
    steps: readonly Step[],
    crash: { readonly afterOps: number; readonly share: number } | undefined,
  ): Promise<void> {
    await this.#settleSent()
    if (crash) this.disk.crashAt(this.disk.opCount + crash.afterOps, crash.share)
    for (const each of steps) {
      await this.#lively(() => this.#step(each))
      if (this.disk.hasCrashed) this.#revive()
    }
    this.#revive()
  }

  /** Consumers take and acknowledge everything that comes. */
  async settle(): Promise<void> {
    // nothing is held longer than that; a round more shows what comes twice
    for (let roundsLeft = 6; roundsLeft > 0; roundsLeft--) {
      await this.#popAndAck()
      await this.#pops.test.clock.advance(2 * INVISIBLE_MS + 200)
      const isAll = [...this.#known.values()].every(({ isAcked, mustCome }) => isAcked || !mustCome)
      if (isAll) roundsLeft = Math.min(roundsLeft, 2)
    }
    for (const { body, handedOut, isAcked, mustCome } of this.#known.values()) {
      assert.ok(isAcked || !mustCome, `${body}, handed out ${handedOut} times: lost`)
    }
  }

  async #step(each: Step): Promise<void> {
    const held = [...this.#known.values()].filter((known) => known.held)
    const known = 'of' in each ? held[each.of % Math.max(held.length, 1)] : undefined
    switch (each.do) {
      case 'send':
        this.#put()
        await this.#settleSent()
        return
      case 'pop':
        await this.#pop(each.count)
        return
      case 'ack':
        if (known) await this.#ack(known)
        return
      case 'change':
        if (known) await this.#change(known, each.ms)
        return
      case 'wait':
        await this.#pops.test.clock.advance(each.ms)
    }
  }

  async #pop(countMax: number): Promise<Known[]> {
    const before = [...this.#known.values()]
    // whatever a pop that is not answered has taken may be delivered again with a higher count
    for (const known of before) known.inDoubt++
    const popped = await this.#pops.pop({ countMax })
    if (popped === undefined || this.disk.hasCrashed) return []
    for (const known of before) known.inDoubt--
    return popped.map((held) => this.#handedOut(held))
  }

  #handedOut(held: TestHeld): Known {
    const known = this.#known.get(held.body)
    assert.ok(known, `${held.body} was not sent`)
    const nowMs = this.#pops.test.clock.nowMs()
    const text = `${held.body} from ${held.topic}, handed out ${known.handedOut} times before`
    assert.ok(!known.isAcked, `${text}: it was acknowledged`)
    assert.ok(
      !known.held || known.untilMs <= nowMs,
      `${text}: it is held until ${known.untilMs}, now ${nowMs}`,
    )
    const { reconsumeTimes } = held.message
    const [least, most] = [known.handedOut, known.handedOut + known.inDoubt]
    assert.ok(
      least <= reconsumeTimes && reconsumeTimes <= most,
      `${text}: ${reconsumeTimes} deliveries before`,
    )
    known.held = held
    known.untilMs = held.popTimeMs + INVISIBLE_MS
    known.handedOut = reconsumeTimes + 1
    known.inDoubt = 0
    known.mustCome = true
    return known
  }

  async #ack(known: Known): Promise<void> {
    const { held } = known
    if (!held) return
    const isInTime = this.#pops.test.clock.nowMs() < known.untilMs
    const isStored = await this.#pops.ack(held)
    known.isAcked = isStored === true && isInTime && !this.disk.hasCrashed
    // a word that came late, or over which the broker died, may have counted: then the message never comes again
    if (!known.isAcked) known.mustCome = false
    known.held = undefined
  }

  async #change(known: Known, ms: number): Promise<void> {
    const { held } = known
    const nowMs = this.#pops.test.clock.nowMs()
    if (!held || nowMs >= known.untilMs) return
    known.held = undefined
    const changed = await this.#pops.change(held, ms)
    if (!changed || this.disk.hasCrashed) return
    known.held = changed
    known.untilMs = nowMs + ms
  }

  async #popAndAck(): Promise<void> {
    let popped = await this.#pop(32)
    while (popped.length > 0) {
      for (const known of popped) await this.#ack(known)
      popped = await this.#pop(32)
    }
  }

  #put(): void {
    const body = `m${this.#sentCount++}`
    const fresh = { held: undefined, untilMs: 0, isAcked: false, handedOut: 0, inDoubt: 0 }
    const known = { body, ...fresh, mustCome: false }
    this.#known.set(body, known)
    this.#sending.push(known)
    this.#pops.test.put({ topic: 'orders', queueId: this.#sentCount % 2, body })
  }

  /** What was sent is stored. */
  async #settleSent(): Promise<void> {
    await this.#pops.test.clock.settle()
    if (!this.disk.hasCrashed) for (const known of this.#sending) known.mustCome = true
    this.#sending = []
  }

  /** What the broker throws when it dies is the end of it. */
  async #lively(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!this.disk.hasCrashed || error instanceof assert.AssertionError) throw error
    }
  }

  #revive(): void {
    const clock = new VirtualClock(this.#pops.test.clock.nowMs())
    this.disk = this.disk.afterProcessKill()
    this.#sending = []
    this.#pops = CrashRun.open(this.disk, clock)
  }

  static open(disk: FaultyDisk, clock: VirtualClock): TestPops {
    const test = TestBroker.open({ host: testHost(disk, clock), store: { commitLogFileBytes: 32 * 1024 } })
    if (!test.broker.topics.get('orders')) test.topic('orders', 2)
    test.broker.groups.forUse('billing')
    return new TestPops(test, { invisibleMs: INVISIBLE_MS })
  }
}

const STORY: readonly Step[] = [
  { do: 'pop', count: 3 },
  { do: 'ack', of: 0 },
  { do: 'change', of: 0, ms: INVISIBLE_MS + 500 },
  { do: 'pop', count: 3 },
  { do: 'wait', ms: INVISIBLE_MS + 200 },
  { do: 'pop', count: 3 },
  { do: 'ack', of: 1 },
  { do: 'change', of: 0, ms: 300 },
  { do: 'wait', ms: INVISIBLE_MS + 200 },
  { do: 'pop', count: 2 },
  { do: 'wait', ms: INVISIBLE_MS + 200 },
]

describe('pops from a broker that dies', () => {
  it('lose nothing and give nothing to two, wherever in their story the broker is killed', async () => {
    const whole = new CrashRun()
    const before = whole.disk.opCount
    const writes: number[] = []
    whole.disk.fail(({ index, kind, path }) => {
      if (kind === 'write' && /commitlog|config|journal/.test(path)) writes.push(index - before)
      return false
    }, 'EIO')
    await whole.run(STORY, undefined)
    await whole.settle()
    assert.ok(writes.length > 20, `${writes.length} writes`)
    for (const afterOps of writes) {
      for (const share of [0, 0.6]) {
        const run = new CrashRun()
        await run.run(STORY, { afterOps, share })
        await run.settle()
      }
    }
  })

  it('deliver again once, also when a kill leaves check points behind the copies, and not the word of these', async () => {
    for (const [write, share] of [0, 1, 2].flatMap((each) =>
      [0, 0.3, 0.6, 0.9].map((part) => [each, part]),
    )) {
      const clock = new VirtualClock(TEST_START_MS)
      const disk = new FaultyDisk({ clock })
      const pops = CrashRun.open(disk, clock)
      const { broker } = pops.test
      for (const body of ['a', 'b']) await pops.test.send({ topic: 'orders', body })
      await pops.pop({ countMax: 1 })
      // in the turn in which the first is copied the other is popped, and after so many writes more the broker dies
      const copy = broker.copier.copy.bind(broker.copier)
      let writesLeft: number | undefined
      disk.fail(({ index, kind, path }) => {
        if (
          kind === 'write' &&
          path.includes('/commitlog/') &&
          writesLeft !== undefined &&
          writesLeft-- === 0
        )
          disk.crashAt(index, share)
        return false
      }, 'EIO')
      broker.copier.copy = (...given) => {
        const copyAt = copy(...given)
        if (writesLeft === undefined) {
          writesLeft = write ?? 0
          broker.pops.pop(broker.pops.popper.begin({ ...pops.request, countMax: 1 }), () => undefined)
        }
        return copyAt
      }
      try {
        await clock.advance(INVISIBLE_MS + 300)
      } catch (error) {
        if (!disk.hasCrashed) throw error
      }
      assert.notEqual(writesLeft, undefined, 'it was copied')
      const again = CrashRun.open(disk.afterProcessKill(), new VirtualClock(clock.nowMs()))
      await again.test.clock.advance(5 * INVISIBLE_MS)
      const copies = await again.test.bodies('%RETRY%billing_orders')
      const text = `write ${write}, ${share} of it: ${copies}`
      assert.equal(copies.filter((body) => body === 'a').length, 1, text)
      await again.test.close()
    }
  })

  it('lose nothing and give nothing to two, whatever consumers do and whenever the broker is killed', async () => {
    const shares = fc.constantFrom(0, 0.2, 0.5, 0.8, 1)
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 24 }),
        fc.nat(80),
        shares,
        async (steps, afterOps, share) => {
          const run = new CrashRun()
          await run.run(steps, { afterOps, share })
          await run.settle()
        },
      ),
      { numRuns: 40 },
    )
  })
})
