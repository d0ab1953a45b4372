import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LatencyFaults, pauseMsOf } from './latency-faults.ts'

describe('pauseMsOf', () => {
  it("follows RocketMQ's table", () => {
    const rows = [
      ...[
        [0, 0],
        [50, 0],
        [549, 0],
        [550, 2000],
        [1799, 2000],
        [1800, 5000],
        [3000, 6000],
      ],
      ...[
        [4999, 6000],
        [5000, 10_000],
        [10_000, 10_000],
        [15_000, 30_000],
        [99_999, 30_000],
      ],
    ] as const
    for (const [latencyMs = 0, pauseMs] of rows)
      assert.equal(pauseMsOf(latencyMs), pauseMs, `${latencyMs} ms`)
  })
})

describe('LatencyFaults', () => {
  it('passes a slow broker over for its time', () => {
    const faults = new LatencyFaults()
    faults.note('a', 600, 1000)
    assert.equal(faults.isAvailable('a', 2999), false)
    assert.equal(faults.isAvailable('a', 3000), true)
    assert.equal(faults.isAvailable('b', 1000), true)
  })

  it('takes no pause back for a send that was quicker', () => {
    const faults = new LatencyFaults()
    faults.note('a', 2000, 1000)
    faults.note('a', 600, 1001)
    faults.note('a', 10, 1002)
    assert.equal(faults.isAvailable('a', 5999), false)
    assert.equal(faults.isAvailable('a', 6000), true)
  })
})
