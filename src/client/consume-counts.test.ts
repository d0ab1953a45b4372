import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConsumeCounts } from './consume-counts.ts'

describe('ConsumeCounts', () => {
  it('tells the rates of the last minute, and the failures of the last hour', () => {
    const all = new ConsumeCounts()
    const counts = all.of('orders', 0)
    for (let second = 1; second <= 2 * 3600; second++) {
      counts.succeeded += second <= 3600 ? 2 : 5
      if (second % 100 === 0) counts.failed++
      counts.pulls++
      counts.pulledMessages += 4
      counts.pulledMs += 30
      counts.timedHandlers++
      counts.timedMs += 7
      all.sample('orders', second * 1000)
    }
    const status = all.statusTable(2 * 3600 * 1000).get('orders')
    assert.deepEqual(status, {
      ...{ consumeFailedMsgs: 36, consumeOKTPS: 5, consumeRT: 7, pullRT: 30, pullTPS: 4 },
      consumeFailedTPS: 1 / 60,
    })
  })

  it('divides by nothing', () => {
    const all = new ConsumeCounts()
    assert.equal(all.of('orders', 5), all.of('orders', 6))
    all.sample('unknown', 5)
    assert.deepEqual([...all.statusTable(5).values()].map(Object.values), [[0, 0, 0, 0, 0, 0]])
  })
})
