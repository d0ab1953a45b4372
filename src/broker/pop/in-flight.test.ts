import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { QueueOffsets } from '../consumer-offsets.ts'
import { CheckPoint } from './check-point.ts'
import { InFlight } from './in-flight.ts'
import type { PopQueue, Taken } from './pop-queue.ts'

/** What the revive log of the model holds. */
type Logged =
  | { readonly kind: 'point'; readonly taken: Omit<Taken, 'nextOffset'> }
  | { readonly kind: 'settled'; readonly queueOffset: number; readonly popTimeMs: number }

/** Something that waits for the write at the end of the turn. */
interface Pending {
  readonly logged: Logged
  readonly stored: (reviveOffset: number) => void
  readonly refused: () => void
}

/** Who holds a message, as a client knows it. */
interface Holder {
  readonly popTimeMs: number
  readonly untilMs: number
}

/** One group that pops from one queue, with a log that may be refused and a process that may be killed. */
class Model {
  nowMs = 1_000_000
  end = 0
  /** Messages that were acknowledged, and those that went on to the retry topic. */
  readonly acked = new Set<number>()
  readonly redelivered = new Set<number>()
  readonly holders = new Map<number, Holder>()
  #inFlight = new InFlight()
  #offsets = new QueueOffsets('group', 'topic', () => undefined)
  #queue: PopQueue
  readonly #log: Logged[] = []
  #pending: Pending[] = []

  constructor() {
    this.#queue = this.#inFlight.queue(this.#offsets, 0)
    this.#queue.moveTo(0)
  }

  pop(count: number): void {
    const startOffset = this.#queue.position ?? 0
    const nextOffset = Math.min(startOffset + count, this.end)
    if (nextOffset === startOffset) return
    const queueOffsets = Array.from({ length: nextOffset - startOffset }, (_, index) => startOffset + index)
    const taken = { startOffset, nextOffset, queueOffsets, popTimeMs: this.nowMs, invisibleMs: 1000 }
    const point = this.#inFlight.take(this.#queue, taken)
    this.#pending.push({
      logged: { kind: 'point', taken },
      stored: (reviveOffset) => {
        this.#inFlight.recorded(point, reviveOffset)
        for (const offset of queueOffsets) this.#handOut(offset, point)
      },
      refused: () => this.#inFlight.refused(point),
    })
  }

  /** By the handle that the holder has, or a stale one. */
  ack(offset: number, isStale: boolean): void {
    const held = this.holders.get(offset)
    if (!held) return
    const popTimeMs = isStale ? held.popTimeMs - 1 : held.popTimeMs
    const point = this.#inFlight.holder(this.#offsets, 0, offset)
    if (point?.popTimeMs !== popTimeMs || !point.settle(offset)) return
    assert.equal(isStale, false, 'a stale handle counts for nothing')
    this.#pending.push({
      logged: { kind: 'settled', queueOffset: offset, popTimeMs },
      stored: () => {
        this.#inFlight.settled(point, offset)
        this.acked.add(offset)
        this.holders.delete(offset)
      },
      refused: () => {
        point.reopen(offset)
        this.#inFlight.postpone(point, point.dueMs)
      },
    })
  }

  change(offset: number, invisibleMs: number): void {
    const held = this.holders.get(offset)
    const from = this.#inFlight.holder(this.#offsets, 0, offset)
    if (!held || from?.popTimeMs !== held.popTimeMs) return
    const taken = { startOffset: offset, queueOffsets: [offset], popTimeMs: this.nowMs, invisibleMs }
    const point = new CheckPoint(this.#queue, taken)
    this.#pending.push({
      logged: { kind: 'point', taken },
      stored: (reviveOffset) => {
        from.changeCount--
        const isOpen = this.#inFlight.change(point, offset, reviveOffset)
        if (isOpen) this.holders.set(offset, { popTimeMs: point.popTimeMs, untilMs: point.dueMs })
        else this.#tell(point, offset)
      },
      refused: () => {
        from.changeCount--
      },
    })
    from.changeCount++
  }

  /** Time passes; what is due goes on to the retry topic. */
  tick(ms: number): void {
    this.nowMs += ms
    for (const point of this.#inFlight.due(this.nowMs)) {
      for (const offset of point.openOffsets) {
        point.settle(offset)
        this.#pending.push({
          logged: { kind: 'settled', queueOffset: offset, popTimeMs: point.popTimeMs },
          stored: () => {
            const held = this.holders.get(offset)
            assert.ok(!held || held.untilMs <= this.nowMs, `${offset} goes on while it is held`)
            this.redelivered.add(offset)
            this.holders.delete(offset)
            this.#inFlight.settled(point, offset)
          },
          refused: () => {
            point.reopen(offset)
            this.#inFlight.postpone(point, this.nowMs + 100)
          },
        })
      }
    }
  }

  /** The write at the end of the turn. */
  flush(isRefused = false): void {
    const pending = this.#pending
    this.#pending = []
    for (const { logged, refused, stored } of pending) {
      if (isRefused) refused()
      else stored(this.#log.push(logged) - 1)
    }
    if (this.#pending.length > 0 && !isRefused) this.flush()
  }

  /** The process is killed before the write, and comes back with what log and journal have. */
  kill(): void {
    this.#pending = []
    const committed = this.#offsets.get(0)
    this.#offsets = new QueueOffsets('group', 'topic', () => undefined)
    if (committed !== undefined) this.#offsets.commit(0, committed)
    this.#inFlight = new InFlight()
    this.#queue = this.#inFlight.queue(this.#offsets, 0)
    this.#log.forEach((logged, reviveOffset) => {
      if (logged.kind === 'point') this.#inFlight.restore(this.#queue, logged.taken, reviveOffset)
      else this.#inFlight.restoreSettled(this.#queue, logged.queueOffset, logged.popTimeMs)
    })
  }

  /** The oldest record that is needed, and all behind it, say the same as all records. */
  trim(): void {
    const needed = this.#inFlight.oldest?.reviveOffset ?? this.#log.length
    for (let i = 0; i < needed; i++) this.#log[i] = { kind: 'settled', queueOffset: -1, popTimeMs: -1 }
  }

  /** Check points that stand far back are written again at the end. */
  move(): void {
    for (const point of this.#inFlight.olderThan(this.#log.length, 2)) {
      const { invisibleMs, popTimeMs, startOffset, openOffsets: queueOffsets } = point
      this.#pending.push({
        logged: { kind: 'point', taken: { startOffset, queueOffsets, popTimeMs, invisibleMs } },
        stored: (reviveOffset) => this.#inFlight.moved(point, reviveOffset),
        refused: () => undefined,
      })
    }
  }

  /** Everybody takes and acknowledges what there is. */
  settleAll(): void {
    for (let round = 0; round < 3 + this.end; round++) {
      this.pop(32)
      this.flush()
      this.tick(5000)
      this.flush()
    }
  }

  #handOut(offset: number, point: CheckPoint): void {
    assert.ok(!this.holders.has(offset), `${offset} has a holder already`)
    assert.ok(!this.acked.has(offset), `${offset} was acknowledged`)
    assert.ok(!this.redelivered.has(offset), `${offset} went on to the retry topic`)
    this.holders.set(offset, { popTimeMs: point.popTimeMs, untilMs: point.dueMs })
  }

  #tell(point: CheckPoint, offset: number): void {
    this.#pending.push({
      logged: { kind: 'settled', queueOffset: offset, popTimeMs: point.popTimeMs },
      stored: () => this.#inFlight.settled(point, offset),
      refused: () => point.reopen(offset),
    })
  }
}

const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pop' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('ack' as const), which: fc.nat(), isStale: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('change' as const), which: fc.nat(), ms: fc.nat(3000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.integer({ min: 1, max: 1500 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flush' as const), isRefused: fc.constant(false) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), isRefused: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const) }) },
)

type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never

function apply(model: Model, step: Operation): void {
  const held = [...model.holders.keys()]
  const chosen = 'which' in step ? held[step.which % Math.max(held.length, 1)] : undefined
  switch (step.kind) {
    case 'send':
      model.end += step.count
      break
    case 'pop':
      model.pop(step.count)
      break
    case 'ack':
      if (chosen !== undefined) model.ack(chosen, step.isStale)
      break
    case 'change':
      if (chosen !== undefined) model.change(chosen, step.ms)
      break
    case 'tick':
      model.tick(step.ms)
      break
    case 'flush':
      model.flush(step.isRefused)
      break
    case 'kill':
      model.kill()
      break
    case 'trim':
      model.trim()
      break
    case 'move':
      model.move()
      break
  }
}

describe('InFlight', () => {
  it('loses nothing, has one holder at most, and forgets nothing that a client was told', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 5, maxLength: 60 }), (steps) => {
        const model = new Model()
        for (const step of steps) apply(model, step)
        model.flush()
        model.settleAll()
        for (let offset = 0; offset < model.end; offset++) {
          const isOne = model.acked.has(offset) !== model.redelivered.has(offset)
          assert.ok(isOne, `${offset}: acknowledged, or delivered again, one of them`)
        }
      }),
      { numRuns: 10_000 },
    )
  })
})
