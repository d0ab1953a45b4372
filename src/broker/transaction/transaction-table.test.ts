import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { HalfMessage } from './half-message.ts'
import { type Ending, TransactionTable } from './transaction-table.ts'

const RULES = { timeoutMs: 6000, checksMax: 3, reservedMs: 3_600_000 }

type Step =
  | { readonly do: 'prepare' }
  | { readonly do: 'end'; readonly of: number; readonly ending: Ending }
  | { readonly do: 'stored' | 'failed'; readonly of: number }
  | { readonly do: 'check'; readonly of: number; readonly afterMs: number }
  | { readonly do: 'copied' | 'copyFailed' | 'readAgain'; readonly of: number }

const of = fc.nat(5)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('prepare' as const) }),
  fc.record({
    do: fc.constant('end' as const),
    of,
    ending: fc.constantFrom<Ending[]>('COMMITTED', 'ROLLED_BACK', 'PARKED'),
  }),
  fc.record({ do: fc.constantFrom('stored' as const, 'failed' as const), of }),
  fc.record({ do: fc.constant('check' as const), of, afterMs: fc.nat(20_000) }),
  fc.record({ do: fc.constantFrom('copied' as const, 'copyFailed' as const, 'readAgain' as const), of }),
)

/** A transaction as the log has it. */
interface Model {
  half: HalfMessage
  /** The wish that the log has been given. */
  ending: Ending | undefined
  ended: Ending | undefined
  isCopied: boolean
}

function halfMessage(origin: number, queueOffset: number, checks = 0): HalfMessage {
  return {
    ...{ origin, physicalOffset: 1000 + queueOffset, queueOffset, group: 'g' },
    ...{ bornMs: 0, storedMs: 0, immunityMs: undefined, checks },
  }
}

/** A table beside a model of what the log says, which must agree after every step. */
class TableRun {
  readonly #table = new TransactionTable()
  readonly #models: Model[] = []
  #queueEnd = 0

  run(steps: readonly Step[]): void {
    for (const each of steps) {
      this.#step(each)
      const open = this.#models.filter(({ ended }) => ended === undefined)
      assert.equal(this.#table.count, open.length)
      const oldest = Math.min(...open.map(({ half }) => half.queueOffset))
      assert.equal(this.#table.oldest?.queueOffset ?? Number.POSITIVE_INFINITY, oldest)
    }
  }

  #step(each: Step): void {
    if (each.do === 'prepare') {
      const half = halfMessage(this.#models.length, this.#queueEnd++)
      assert.equal(this.#table.prepared(half), undefined)
      this.#models.push({ half, ending: undefined, ended: undefined, isCopied: false })
      return
    }
    const model = this.#models[each.of]
    if (!model) return
    if (each.do === 'end') this.#end(model, each.ending)
    else if (each.do === 'check') this.#check(model, each.afterMs)
    else this.#logged(model, each.do)
  }

  #end(model: Model, ending: Ending): void {
    const decision = this.#table.end(model.half.origin, ending)
    if (model.ended !== undefined) assert.equal(decision, model.ended === ending ? 'repeat' : 'refuse')
    else if (model.ending !== undefined) assert.equal(decision, model.ending === ending ? 'wait' : 'refuse')
    else {
      assert.equal(decision, 'end')
      model.ending = ending
    }
  }

  #check(model: Model, afterMs: number): void {
    const { half } = model
    const decision = this.#table.check(half.origin, afterMs, RULES)
    if (model.ended !== undefined || model.ending !== undefined || model.isCopied)
      assert.equal(decision, 'leave')
    else if (half.checks >= RULES.checksMax) assert.equal(decision, 'park')
    else assert.equal(decision, afterMs > RULES.timeoutMs ? 'ask' : 'leave')
    if (decision !== 'ask') return
    this.#table.copying(half.origin)
    model.isCopied = true
  }

  /** The log has taken, or refused, what it was given; the copy and the end are taken in either order. */
  #logged(model: Model, what: 'stored' | 'failed' | 'copied' | 'copyFailed' | 'readAgain'): void {
    const { half } = model
    switch (what) {
      case 'stored':
        if (model.ending === undefined || model.ended !== undefined) return
        assert.equal(this.#table.ended(half.origin, model.ending)?.queueOffset, half.queueOffset)
        model.ended = model.ending
        assert.equal(this.#table.ended(half.origin, 'PARKED'), undefined, 'it ends once')
        return
      case 'failed':
        if (model.ended !== undefined) return
        this.#table.failed(half.origin)
        model.ending = undefined
        return
      case 'copied':
        if (model.isCopied) this.#copied(model)
        return
      case 'copyFailed':
        this.#table.copyFailed(half.origin)
        model.isCopied = false
        return
      case 'readAgain':
        // the half queue never has a message twice, but a start may read one that was known
        assert.equal(this.#table.prepared(half), model.ended === undefined ? undefined : half)
    }
  }

  #copied(model: Model): void {
    const copy = halfMessage(model.half.origin, this.#queueEnd++, model.half.checks + 1)
    const isOver = model.ended !== undefined
    assert.equal(this.#table.isToAsk(copy.origin), !isOver && model.ending === undefined)
    assert.equal(this.#table.prepared(copy), isOver ? copy : model.half)
    model.isCopied = false
    if (!isOver) model.half = copy
  }
}

describe('TransactionTable', () => {
  it('agrees with the log after every step: a transaction ends once, and is asked about only before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => new TableRun().run(steps)),
      { numRuns: 10_000 },
    )
  })

  it('forgets how the oldest ended, and refuses their ends from then on', () => {
    const table = new TransactionTable()
    for (let origin = 0; origin <= 65_536; origin++) {
      table.prepared(halfMessage(origin, origin))
      table.end(origin, 'COMMITTED')
      table.ended(origin, 'COMMITTED')
    }
    assert.equal(table.end(1, 'COMMITTED'), 'repeat')
    assert.equal(table.end(0, 'COMMITTED'), 'refuse')
    assert.equal(table.end(0, 'ROLLED_BACK'), 'refuse')
  })

  it('asks at once where the producer’s clock is ahead, and parks by the broker’s clock alone', () => {
    const table = new TransactionTable()
    const half = { ...halfMessage(1, 0), bornMs: 50_000, storedMs: 1000 }
    table.prepared(half)
    assert.equal(table.check(1, 2000, RULES), 'ask')
    const slow = new TransactionTable()
    slow.prepared({ ...half, bornMs: -1e12 })
    assert.equal(slow.check(1, 2000, RULES), 'ask')
    assert.equal(slow.check(1, 1001 + RULES.reservedMs, RULES), 'park')
  })
})
