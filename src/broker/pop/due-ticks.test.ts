import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DueTicks } from './due-ticks.ts'

describe('DueTicks', () => {
  it('gives each thing once, not early, and at most a tick late, whatever the clock does', () => {
    const steps = fc.array(
      fc.record({
        item: fc.nat(9),
        inMs: fc.integer({ min: -50, max: 500 }),
        passMs: fc.nat(400),
        isTaken: fc.boolean(),
      }),
    )
    fc.assert(
      fc.property(steps, (all) => {
        const ticks = new DueTicks<number>(10)
        const expected = new Map<number, number>()
        let nowMs = 100_000
        for (const { inMs, isTaken, item, passMs } of all) {
          if (isTaken) {
            ticks.delete(item)
            expected.delete(item)
          } else {
            ticks.add(item, nowMs + inMs)
            expected.set(item, nowMs + Math.max(inMs, 0))
          }
          nowMs += passMs
          for (const due of ticks.due(nowMs)) {
            assert.ok((expected.get(due) ?? Number.POSITIVE_INFINITY) <= nowMs)
            expected.delete(due)
          }
          for (const [late, dueMs] of expected) assert.ok(dueMs > nowMs - 20, `${late} is late`)
          assert.equal(ticks.count, expected.size)
        }
      }),
      { numRuns: 300 },
    )
  })
})
