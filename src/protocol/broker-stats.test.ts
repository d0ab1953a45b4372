import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBrokerStats, encodeBrokerStats } from './broker-stats.ts'

describe('BrokerStats', () => {
  it('comes back', () => {
    const item = { sum: 26, tps: 0.5, avgpt: 1.25 }
    const stats = { statsMinute: item, statsHour: item, statsDay: { ...item, sum: 0 } }
    assert.deepEqual(decodeBrokerStats(encodeBrokerStats(stats)), stats)
    assert.throws(() => decodeBrokerStats(Buffer.from('{}')), { kind: 'badBody' })
  })
})
