import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Traffic } from './traffic.ts'

const TICK_MS = 10_000

describe('Traffic', () => {
  it('tells what has passed until now, also before its first sample', () => {
    const traffic = new Traffic()
    traffic.add(30, 6000)
    traffic.add(20, 4000)
    assert.equal(traffic.tps(0), 0)
    assert.deepEqual(traffic.stats('count', 0).statsMinute, { sum: 50, tps: 5, avgpt: 25 })
    assert.deepEqual(traffic.stats('bytes', 0).statsMinute, { sum: 10_000, tps: 1000, avgpt: 5000 })
    traffic.sample(1, TICK_MS)
    assert.deepEqual(traffic.stats('count', 2 * TICK_MS).statsMinute, { sum: 50, tps: 2.5, avgpt: 25 })
    assert.equal(traffic.stats('count', 2 * TICK_MS).statsDay.sum, 50)
  })

  it('forgets what is older than a minute, an hour, a day', () => {
    const traffic = new Traffic()
    const sums = (ms: number): number[] => Object.values(traffic.stats('count', ms)).map(({ sum }) => sum)
    traffic.add(100, 100)
    for (let tick = 0; tick <= 24 * 360; tick++) {
      traffic.sample(tick, tick * TICK_MS)
      if (tick === 4) assert.deepEqual(sums(tick * TICK_MS), [100, 100, 100])
      if (tick === 6) assert.deepEqual(sums(tick * TICK_MS), [0, 100, 100])
      if (tick === 360) assert.deepEqual(sums(tick * TICK_MS), [0, 0, 100])
    }
    assert.deepEqual(sums(24 * 3_600_000), [0, 0, 0])
    traffic.add(6, 6)
    assert.deepEqual(sums(24 * 3_600_000), [6, 6, 6])
  })

  it('tells the rate and what one request brought', () => {
    const traffic = new Traffic()
    for (let tick = 0; tick <= 60; tick++) {
      traffic.add(4, 400)
      traffic.sample(tick, tick * TICK_MS)
    }
    const { statsHour, statsMinute } = traffic.stats('count', 605_000)
    assert.deepEqual(statsMinute, { sum: 20, tps: 20 / 55, avgpt: 4 })
    assert.deepEqual(statsHour, { sum: 244, tps: 244 / 1205, avgpt: 4 })
  })
})
