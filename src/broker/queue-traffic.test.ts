import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QueueTraffic } from './queue-traffic.ts'

const TICK_MS = 10_000

describe('QueueTraffic', () => {
  it('forgets of each queue what is older than a minute', () => {
    const traffic = new QueueTraffic()
    const sumOf = (queueId: number, tick: number): number | undefined =>
      traffic.queueStats(queueId, 'count', tick * TICK_MS)?.statsMinute.sum
    traffic.addIn(3, 100, 1000)
    for (let tick = 0; tick <= 12; tick++) {
      if (tick === 3) traffic.addIn(0, 7, 70)
      traffic.sample(tick, tick * TICK_MS)
      if (tick === 4) assert.deepEqual([sumOf(3, tick), sumOf(0, tick)], [100, 7])
      if (tick === 6) assert.deepEqual([sumOf(3, tick), sumOf(0, tick)], [0, 7])
      if (tick === 9) assert.deepEqual([sumOf(3, tick), sumOf(0, tick)], [0, 0])
    }
    assert.equal(traffic.queueStats(0, 'count', 12 * TICK_MS)?.statsHour.sum, 7)
    assert.equal(sumOf(1, 12), undefined)
    assert.equal(traffic.count, 107)
  })

  it('tells how long requests took on average: of all, or of those that were timed', () => {
    const traffic = new QueueTraffic()
    for (let i = 0; i < 4; i++) traffic.addIn(1, 1, 10)
    traffic.took(1, 20)
    traffic.took(1, 40)
    assert.deepEqual(traffic.queueStats(1, 'ms', 0)?.statsMinute, { sum: 60, tps: 6, avgpt: 15 })
    assert.deepEqual(traffic.queueStats(1, 'timedMs', 0)?.statsMinute, { sum: 60, tps: 6, avgpt: 30 })
  })

  it('counts queues of very high ids with the topic only', () => {
    const traffic = new QueueTraffic()
    traffic.addIn(1_000_000, 1, 10)
    traffic.joined(1_000_000, 1)
    traffic.took(1_000_000, 5)
    assert.equal(traffic.count, 1)
    assert.equal(traffic.queueStats(1_000_000, 'count', 0), undefined)
  })
})
