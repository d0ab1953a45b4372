import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatSpread, spreadOf } from './spread.ts'

describe('spreadOf', () => {
  it('takes the middle reading, and the mean of the two in the middle', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3, count: 3 })
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4, count: 4 })
  })

  it('leaves out what is no number', () => {
    assert.deepEqual(spreadOf([undefined, 7, Number.NaN, null]), { median: 7, min: 7, max: 7, count: 1 })
    assert.equal(spreadOf([undefined]), undefined)
  })
})

describe('formatSpread', () => {
  it('shows the extremes only where there are several readings', () => {
    assert.equal(formatSpread(spreadOf([1, 2, 3.456]), 1), '2.0 (1.0..3.5)')
    assert.equal(formatSpread(spreadOf([2]), 2), '2.00')
    assert.equal(formatSpread(undefined, 2), '-')
  })

  it('drops the fraction of large numbers', () => {
    assert.equal(formatSpread(spreadOf([12_345.6]), 2), '12,346')
  })
})
