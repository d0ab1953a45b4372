import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DelayProgress } from './delay-progress.ts'

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('arrive' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('copy' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('store' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), count: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), written: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.constantFrom({ do: 'refuse' as const }, { do: 'snapshot' as const }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** One level of a broker: its queue, the log that copies go to, and a snapshot that may be old. */
class LevelRun {
  #progress = new DelayProgress(0)
  #begin = 0
  #end = 0
  /** Entries whose copies are under way, in order. */
  #underWay: number[] = []
  /** Entries whose copies the log has. */
  readonly #log: number[] = []
  #snapshot = { next: 0, logLength: 0 }
  /** Entries that were gone before they were copied. */
  readonly #expired = new Set<number>()

  run(steps: readonly Step[]): void {
    for (const each of steps) {
      this.#step(each)
      assert.ok(this.#progress.delivered <= this.#progress.next)
    }
    this.#copy(this.#end)
    this.#store(this.#end)
    assert.equal(this.#progress.delivered, this.#end, 'nothing is left behind')
    for (let offset = 0; offset < this.#end; offset++) {
      const count = this.#log.filter((each) => each === offset).length
      const isOwed = isDeliverable(offset) && !this.#expired.has(offset)
      assert.ok(isOwed ? count === 1 : count <= 1, `entry ${offset} was delivered ${count} times`)
      if (!isDeliverable(offset)) assert.equal(count, 0)
    }
  }

  #step(each: Step): void {
    switch (each.do) {
      case 'arrive':
        this.#end += each.count
        return
      case 'copy':
        this.#copy(each.count)
        return
      case 'store':
        this.#store(each.count)
        return
      case 'expire':
        this.#expire(each.count)
        return
      case 'refuse':
        for (const offset of this.#underWay) this.#progress.refused(offset)
        this.#forgetUnderWay()
        return
      case 'snapshot':
        this.#snapshot = { next: this.#progress.delivered, logLength: this.#log.length }
        return
      case 'kill':
        this.#kill(each.written)
    }
  }

  #copy(count: number): void {
    if (this.#progress.next < this.#begin) this.#progress.skipTo(this.#begin)
    for (let left = count; left > 0 && this.#progress.next < this.#end; left--) {
      const { next } = this.#progress
      if (isDeliverable(next)) {
        this.#underWay.push(next)
        this.#progress.copied(next)
      } else this.#progress.pass(next)
    }
  }

  #store(count: number): void {
    for (const offset of this.#underWay.splice(0, count)) {
      this.#log.push(offset)
      const before = this.#progress.delivered
      this.#progress.stored(offset)
      assert.ok(this.#progress.delivered >= before, 'what is delivered stays so')
    }
  }

  #expire(count: number): void {
    this.#begin = Math.min(this.#begin + count, this.#end)
    for (let offset = this.#progress.next; offset < this.#begin; offset++) this.#expired.add(offset)
  }

  /** The kernel may have copies that nobody was told of. A start counts what the log has behind the snapshot. */
  #kill(written: number): void {
    this.#log.push(...this.#underWay.splice(0, written))
    this.#forgetUnderWay()
    const copied = this.#log.slice(this.#snapshot.logLength)
    this.#progress = new DelayProgress(Math.max(this.#snapshot.next, ...copied.map((offset) => offset + 1)))
  }

  /** Copies that were not stored are made again, unless their entries are gone by then. */
  #forgetUnderWay(): void {
    for (const offset of this.#underWay.splice(0)) if (offset < this.#begin) this.#expired.add(offset)
  }
}

/** Some entries cannot be delivered, now or ever. */
function isDeliverable(offset: number): boolean {
  return offset % 5 !== 3
}

describe('DelayProgress', () => {
  it('delivers each entry once, through refusals, kills, old snapshots, and entries that expire or cannot be delivered', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => new LevelRun().run(steps)),
      { numRuns: 10_000 },
    )
  })

  it('does not go back for a copy that is stored when its entry is gone already', () => {
    const progress = new DelayProgress(0)
    progress.copied(0)
    progress.copied(1)
    assert.equal(progress.skipTo(5), true)
    progress.stored(0)
    assert.deepEqual([progress.next, progress.delivered, progress.openCount], [5, 5, 0])
  })
})
