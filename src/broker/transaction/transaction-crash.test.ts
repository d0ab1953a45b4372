import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { EndRequest } from './half-messages.ts'
import { type Half, TestTransactions } from './test-transactions.ts'

/** What the application decides about a transaction: the same whenever it is asked. */
type Decision = EndRequest['ending'] | 'UNKNOWN'

type Step =
  | { readonly do: 'prepare'; readonly decision: Decision; readonly delayed: boolean }
  /** The producer says what it has decided, or, by a fault of its own, the opposite. */
  | { readonly do: 'end'; readonly of: number; readonly isOpposite: boolean }
  | { readonly do: 'answerChecks' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'clutter' }

interface Transaction {
  readonly body: string
  readonly decision: Decision
  readonly half: Half
  /** What the broker has said yes to. */
  ended: EndRequest['ending'] | undefined
}

const ROUND_MS = 4000
const SETTINGS = { transactionTimeOut: 3000, transactionCheckInterval: ROUND_MS, transactionCheckMax: 2 }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('prepare' as const),
      decision: fc.constantFrom<Decision[]>('COMMITTED', 'ROLLED_BACK', 'UNKNOWN'),
      delayed: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      of: fc.nat(7),
      isOpposite: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'answerChecks' } as const) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(2 * ROUND_MS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clutter' } as const) },
)

const OPPOSITE = { COMMITTED: 'ROLLED_BACK', ROLLED_BACK: 'COMMITTED' } as const

/** Producers and their broker, which dies at some call to its disk, and lives again. */
class CrashRun {
  tx = TestTransactions.open({ settings: SETTINGS })
  readonly #transactions: Transaction[] = []
  #sentCount = 0
  #askedCount = 0

  /** Goes through the steps, and when the broker dies takes what its disk has. */
  async run(steps: readonly Step[], crashAfterOps: number | undefined): Promise<void> {
    if (crashAfterOps !== undefined) this.tx.disk.crashAt(this.tx.disk.opCount + crashAfterOps)
    for (const each of steps) {
      await this.#lively(() => this.#step(each))
      if (this.tx.disk.hasCrashed) this.#revive()
    }
    this.#revive()
  }

  /** Lets producers answer until every transaction has ended, and looks at what consumers saw. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTINGS.transactionCheckMax + 3; round++) {
      await this.tx.rounds(1)
      await this.#answerChecks()
    }
    assert.equal(this.tx.test.broker.transactions.count, 0, 'transactions that have not ended')
    const seen = await this.tx.bodies()
    const parked = await this.tx.parked()
    for (const { body, decision, ended } of this.#transactions) {
      const times = seen.filter((other) => other === body).length
      const text = `${body}, decided ${decision}, answered ${ended}: seen ${times} times`
      if (ended === 'COMMITTED') assert.equal(times, 1, text)
      else if (ended === 'ROLLED_BACK') assert.equal(times, 0, text)
      else assert.ok(times <= 1, text)
      const isParked = parked.includes(body)
      assert.ok(!(isParked && (times > 0 || ended !== undefined)), `${text}, and parked`)
    }
  }

  async #step(each: Step): Promise<void> {
    switch (each.do) {
      case 'prepare': {
        const body = `m${this.#sentCount++}`
        const half = await this.tx.prepare(body, each.delayed ? { DELAY: '1' } : {})
        // one that was not stored before the broker died was not answered: its producer knows of no transaction
        if (!this.tx.disk.hasCrashed)
          this.#transactions.push({ body, decision: each.decision, half, ended: undefined })
        return
      }
      case 'end': {
        const transaction = this.#transactions[each.of]
        if (!transaction || transaction.decision === 'UNKNOWN') return
        const { decision, half } = transaction
        await this.#end(transaction, half, each.isOpposite ? OPPOSITE[decision] : decision)
        return
      }
      case 'answerChecks':
        await this.#answerChecks()
        return
      case 'wait':
        await this.tx.test.clock.advance(each.ms)
        return
      case 'clutter':
        await this.tx.test.send({ topic: 'orders', body: 'x'.repeat(1500) })
    }
  }

  async #answerChecks(): Promise<void> {
    for (; this.#askedCount < this.tx.asked.length; this.#askedCount++) {
      const asked = this.tx.asked[this.#askedCount]?.message
      const transaction = this.#transactions.find(({ body }) => body === asked?.body.toString())
      if (!transaction || transaction.decision === 'UNKNOWN') continue
      // also where it has ended since it was asked about
      await this.#end(transaction, this.tx.checked(this.#askedCount), transaction.decision)
    }
  }

  async #end(transaction: Transaction, half: Half, ending: EndRequest['ending']): Promise<void> {
    // a broker that dies over it does not answer
    let answer: Awaited<ReturnType<TestTransactions['ask']>> | undefined
    let failure: unknown
    this.tx.ask(half, ending).then(
      (given) => {
        answer = given
      },
      (error) => {
        failure = error
      },
    )
    await this.tx.test.clock.settle()
    if (failure) throw failure
    if (answer !== 'ok') return
    assert.ok(
      transaction.ended === undefined || transaction.ended === ending,
      `${transaction.body} ended twice`,
    )
    transaction.ended = ending
  }

  async #lively(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (!this.tx.disk.hasCrashed) throw error
    }
  }

  #revive(): void {
    this.tx = this.tx.killed()
    this.#askedCount = 0
  }
}

/** All that can happen to a transaction, one after the other. */
const STORY: readonly Step[] = [
  { do: 'prepare', decision: 'COMMITTED', delayed: false },
  { do: 'prepare', decision: 'ROLLED_BACK', delayed: false },
  { do: 'end', of: 0, isOpposite: false },
  { do: 'end', of: 0, isOpposite: true },
  { do: 'end', of: 1, isOpposite: false },
  { do: 'end', of: 1, isOpposite: true },
  { do: 'prepare', decision: 'COMMITTED', delayed: true },
  { do: 'prepare', decision: 'ROLLED_BACK', delayed: false },
  { do: 'prepare', decision: 'UNKNOWN', delayed: false },
  { do: 'clutter' },
  { do: 'wait', ms: ROUND_MS },
  { do: 'answerChecks' },
  { do: 'end', of: 2, isOpposite: false },
  { do: 'wait', ms: 2 * ROUND_MS },
  { do: 'answerChecks' },
  { do: 'wait', ms: 2 * ROUND_MS },
]

describe('transactions of a broker that dies', () => {
  it('end once, wherever in their story the broker is killed', async () => {
    const whole = new CrashRun()
    const before = whole.tx.disk.opCount
    const writes: number[] = []
    // what a kill leaves behind changes with the writes of the log and the tables, and with nothing else
    whole.tx.disk.fail(({ index, kind, path }) => {
      if (kind === 'write' && /commitlog|config|journal/.test(path)) writes.push(index - before)
      return false
    }, 'EIO')
    await whole.run(STORY, undefined)
    await whole.settle()
    assert.ok(writes.length > 30, `${writes.length} writes`)
    for (const crashAfterOps of writes) {
      const run = new CrashRun()
      await run.run(STORY, crashAfterOps)
      await run.settle()
    }
  })

  it('end once, whatever producers say and whenever the broker is killed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 24 }),
        fc.nat(80),
        async (steps, crashAfterOps) => {
          const run = new CrashRun()
          await run.run(steps, crashAfterOps)
          await run.settle()
        },
      ),
      { numRuns: 60 },
    )
  })
})
