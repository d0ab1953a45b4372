import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { CONNECTION_CAPS, ConnectionBudget } from './connection-budget.ts'

describe('ConnectionBudget', () => {
  it('takes so many from one address, and others still', () => {
    const budget = new ConnectionBudget(new VirtualClock(0), { ...CONNECTION_CAPS, perAddressMax: 2 })
    assert.equal(budget.admit('10.0.0.1'), undefined)
    assert.equal(budget.admit('10.0.0.1'), undefined)
    assert.equal(budget.admit('10.0.0.1'), 'there are 2 from 10.0.0.1')
    assert.equal(budget.admit('10.0.0.2'), undefined)
    budget.release('10.0.0.1')
    assert.equal(budget.admit('10.0.0.1'), undefined)
    assert.equal(budget.count, 3)
  })

  it('takes so many altogether', () => {
    const budget = new ConnectionBudget(new VirtualClock(0), { ...CONNECTION_CAPS, totalMax: 2 })
    for (const address of ['a', 'b']) assert.equal(budget.admit(address), undefined)
    assert.equal(budget.admit('c'), 'there are 2')
    budget.release('a')
    assert.equal(budget.admit('c'), undefined)
  })

  it('takes so many in a second, twice as many after a while', async () => {
    const clock = new VirtualClock(0)
    const budget = new ConnectionBudget(clock, { ...CONNECTION_CAPS, perSecondMax: 10 })
    const admitted = (): number => {
      let count = 0
      while (budget.admit('a') === undefined) count++
      return count
    }
    assert.equal(admitted(), 20)
    await clock.advance(500)
    assert.equal(admitted(), 5)
    await clock.advance(60_000)
    assert.equal(admitted(), 20)
  })
})
