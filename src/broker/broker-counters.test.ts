import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { BrokerCounters } from './broker-counters.ts'

const DAY_MS = 86_400_000

describe('BrokerCounters', () => {
  it('tells rates over ten seconds, a minute and ten minutes', async () => {
    const clock = new VirtualClock(0)
    const counters = new BrokerCounters(clock)
    counters.sample()
    for (let i = 1; i <= 12; i++) {
      counters.put += 100 * i
      await clock.advance(10_000)
      counters.sample()
    }
    const [last, minute, all] = counters.rates('put')
    assert.equal(last, 120)
    assert.equal(minute, (700 + 800 + 900 + 1000 + 1100 + 1200) / 60)
    assert.equal(all, 7800 / 120)
    assert.deepEqual(counters.rates('gotten'), [0, 0, 0])
  })

  it('remembers the totals of the last two midnights', async () => {
    const clock = new VirtualClock(0)
    const counters = new BrokerCounters(clock)
    counters.userPut = 5
    counters.sample()
    assert.deepEqual(counters.todayMorning, { put: 0, gotten: 0 })
    await clock.advance(DAY_MS)
    counters.sample()
    counters.userPut = 12
    counters.userGotten = 3
    counters.sample()
    assert.deepEqual(counters.todayMorning, { put: 5, gotten: 0 })
    await clock.advance(DAY_MS)
    counters.sample()
    assert.deepEqual(counters.yesterdayMorning, { put: 5, gotten: 0 })
    assert.deepEqual(counters.todayMorning, { put: 12, gotten: 3 })
  })
})
