import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type TimerEntry, TimerKind } from './timer-entry.ts'
import { TimerFlights } from './timer-flights.ts'

const count = fc.integer({ min: 1, max: 6 })

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('arrive' as const), waitMs: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'store' as const), count }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), written: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.constantFrom({ do: 'refuse' as const }, { do: 'snapshot' as const }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** Timers, a log that copies go to, and a snapshot that may be old; the index is a plain list here. */
class FlightsRun {
  #flights = new TimerFlights()
  /** All that have come, by offset: the timer topic. */
  readonly #topic: TimerEntry[] = []
  /** Those that are to be taken, the next one first. */
  #index: TimerEntry[] = []
  #nowMs = 0
  /** Tokens of copies under way, in order. */
  #underWay: number[] = []
  /** Offsets of timers by the place of their copies, with the time of each. */
  readonly #log: { readonly of: number; readonly atMs: number }[] = []
  /** Copies from before the start whose timers have not come by again. */
  #copied = new Set<number>()
  #logOffset = 0
  #snapshot = { entries: [] as TimerEntry[], topicEnd: 0, logOffset: 0 }

  run(steps: readonly Step[]): void {
    for (const each of steps) this.#step(each)
    this.#nowMs += 1000
    this.#take(1000)
    this.#store(1000)
    assert.equal(this.#flights.openCount, 0)
    assert.equal(this.#flights.bytes, 0)
    for (const { dueMs, queueOffset } of this.#topic) {
      const copies = this.#log.filter(({ of }) => of === queueOffset)
      assert.equal(copies.length, 1, `timer ${queueOffset} was delivered ${copies.length} times`)
      assert.ok((copies[0]?.atMs ?? 0) >= dueMs, `timer ${queueOffset} is not early`)
    }
  }

  #step(each: Step): void {
    switch (each.do) {
      case 'arrive': {
        const queueOffset = this.#topic.length
        const dueMs = this.#nowMs + each.waitMs
        const entry = { dueMs, queueOffset, physicalOffset: queueOffset * 100, bytes: 100 }
        this.#topic.push({ ...entry, kind: TimerKind.DELIVER })
        this.#add(this.#topic.slice(-1))
        return
      }
      case 'take':
        this.#take(each.count)
        return
      case 'store':
        this.#store(each.count)
        return
      case 'wait':
        this.#nowMs += each.ms
        return
      case 'refuse':
        for (const token of this.#underWay.splice(0)) this.#flights.failed(token)
        return
      case 'snapshot':
        this.#save()
        return
      case 'kill':
        this.#kill(each.written)
    }
  }

  #add(entries: readonly TimerEntry[]): void {
    this.#index.push(...entries)
    this.#index.sort((one, other) => one.dueMs - other.dueMs || one.queueOffset - other.queueOffset)
  }

  /** What failed goes before all that is due. */
  #take(countMax: number): void {
    for (const token of this.#flights.takeFailed()) this.#deliver(token)
    for (let left = countMax; left > 0; left--) {
      const [first] = this.#index
      if (!first || first.dueMs > this.#nowMs) return
      this.#index.shift()
      if (!this.#copied.delete(first.queueOffset)) this.#deliver(this.#flights.begin(first))
    }
  }

  #deliver(token: number): void {
    this.#flights.copied(token, this.#log.length + this.#underWay.length)
    this.#underWay.push(token)
  }

  #store(count: number): void {
    for (const token of this.#underWay.splice(0, count)) {
      this.#log.push({ of: this.#flights.entry(token).queueOffset, atMs: this.#nowMs })
      this.#flights.done(token)
    }
  }

  #save(): void {
    this.#flights.settle(this.#log.length)
    if (this.#copied.size === 0) this.#logOffset = this.#log.length
    const entries = [...this.#flights.entries(), ...this.#index]
    this.#snapshot = { entries, topicEnd: this.#topic.length, logOffset: this.#logOffset }
  }

  /** The kernel may have copies that nobody was told of. */
  #kill(written: number): void {
    const { entries, logOffset, topicEnd } = this.#snapshot
    for (const token of this.#underWay.splice(0, written))
      this.#log.push({ of: this.#flights.entry(token).queueOffset, atMs: this.#nowMs })
    this.#underWay = []
    this.#flights = new TimerFlights()
    this.#copied = new Set(this.#log.slice(logOffset).map(({ of }) => of))
    this.#logOffset = logOffset
    this.#index = []
    this.#add([...entries, ...this.#topic.slice(topicEnd)])
  }
}

describe('TimerFlights', () => {
  it('have each timer delivered once and not early, through refusals, kills and old snapshots', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => new FlightsRun().run(steps)),
      { numRuns: 10_000 },
    )
  })
})
