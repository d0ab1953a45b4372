import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DelayLevels } from '../store/delay-levels.ts'
import { decideRetry } from './retry-rules.ts'

const levels = new DelayLevels()

/** A record that the group has, or will have. */
interface Delivery {
  readonly message: number
  readonly reconsumeTimes: number
  readonly dueMs: number
}

const step = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ do: 'send' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(3_600_000) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('giveBack' as const),
      which: fc.nat(20),
      delayLevel: fc.constantFrom(0, 0, 0, 0, 1, 5, 18, 99, -1),
      // the broker dies before the copy is in the log, or before the answer has left
      fate: fc.constantFrom(
        'answered' as const,
        'answered' as const,
        'notStored' as const,
        'notAnswered' as const,
      ),
    }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** A group that gives back what it has, and again what was not answered. */
class GroupRun {
  readonly #max: number
  #nowMs = 0
  #sentCount = 0
  #waiting: Delivery[] = []
  readonly #dead: Delivery[] = []
  /** Requests by message and count, and those of them that left a copy or an answer. */
  readonly #requests = new Map<string, { tried: number; copies: number; answered: number }>()

  constructor(max: number) {
    this.#max = max
  }

  run(steps: readonly Step[]): void {
    for (const each of steps) this.#step(each)
    // a group that fails for ever ends at its dead letters
    for (let rounds = 0; this.#waiting.length > 0; rounds++) {
      assert.ok(rounds < 10_000, 'it comes to an end')
      this.#nowMs = Math.max(this.#nowMs, ...this.#waiting.map(({ dueMs }) => dueMs))
      this.#giveBack(0, 0, 'answered')
    }
    for (const { tried, copies, answered } of this.#requests.values())
      assert.ok(
        answered <= copies && copies <= tried,
        `${tried} requests, ${copies} copies, ${answered} answers`,
      )
    for (let message = 0; message < this.#sentCount; message++)
      assert.ok(
        this.#dead.some((each) => each.message === message),
        `message ${message} is among the dead`,
      )
  }

  #step(each: Step): void {
    if (each.do === 'send')
      this.#waiting.push({ message: this.#sentCount++, reconsumeTimes: 0, dueMs: this.#nowMs })
    else if (each.do === 'wait') this.#nowMs += each.ms
    else this.#giveBack(each.which, each.delayLevel, each.fate)
  }

  #giveBack(which: number, delayLevel: number, fate: 'answered' | 'notStored' | 'notAnswered'): void {
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= this.#nowMs)
    const delivery = due[which % Math.max(due.length, 1)]
    if (!delivery) return
    const key = `${delivery.message} ${delivery.reconsumeTimes}`
    const requests = this.#requests.get(key) ?? { tried: 0, copies: 0, answered: 0 }
    this.#requests.set(key, requests)
    requests.tried++
    if (fate === 'notStored') return
    requests.copies++
    this.#store(delivery, delayLevel)
    if (fate === 'notAnswered') return
    requests.answered++
    this.#waiting = this.#waiting.filter((each) => each !== delivery)
  }

  #store({ message, reconsumeTimes }: Delivery, delayLevel: number): void {
    const decision = decideRetry({ reconsumeTimes, reconsumeTimesMax: this.#max, delayLevel })
    assert.equal(decision.reconsumeTimes, reconsumeTimes + 1, 'each give-back counts one')
    const isLast = reconsumeTimes === this.#max
    assert.equal(decision.isDead, isLast || delayLevel === -1, 'dead after the last try, or when told to be')
    if (decision.isDead) {
      this.#dead.push({ message, reconsumeTimes: decision.reconsumeTimes, dueMs: 0 })
      return
    }
    assert.ok(decision.reconsumeTimes <= this.#max)
    const delayMs = levels.delayMs(decision.level)
    // 10 s, 30 s, 1 m, 2 m ... 2 h, unless the group asks for a level
    if (delayLevel === 0) assert.equal(delayMs, levels.delayMs(Math.min(3 + reconsumeTimes, 18)))
    else assert.equal(delayMs, levels.delayMs(Math.min(delayLevel, 18)))
    this.#waiting.push({
      message,
      reconsumeTimes: decision.reconsumeTimes,
      dueMs: this.#nowMs + delayMs,
    })
  }
}

describe('decideRetry', () => {
  it('counts every give-back, makes each wait longer, and buries after the last, whatever the broker does', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.array(step, { maxLength: 30 }), (max, steps) => new GroupRun(max).run(steps)),
      { numRuns: 10_000 },
    )
  })
})
