import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lateness } from './lateness.ts'

describe('Lateness', () => {
  it('tells percentiles, and how many came early or twice', () => {
    const lateness = new Lateness()
    for (let i = 0; i < 100; i++) lateness.add(i, i - 2)
    lateness.add(7, 5)
    assert.deepEqual(lateness.figures(101), {
      ...{ sent: 101, received: 100, early: 2, p50: 48, p99: 97, p999: 97, max: 97 },
    })
    assert.equal(lateness.duplicates, 1)
  })
})
