import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeBrokerConsumeStats,
  decodeConsumeStats,
  encodeBrokerConsumeStats,
  encodeConsumeStats,
} from './consume-stats.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

const stats = {
  offsetTable: new Map([[queue(0), { brokerOffset: 8, consumerOffset: 7, pullOffset: 8, lastTimestamp: 5 }]]),
  consumeTps: 0.25,
}

describe('ConsumeStats', () => {
  it('comes back', () => {
    const again = decodeConsumeStats(encodeConsumeStats(stats))
    assert.deepEqual([again.consumeTps, ...again.offsetTable], [0.25, ...stats.offsetTable])
  })

  it('comes back for all groups of a broker, a topic each', () => {
    const consumeStats = new Map([
      ['G', [stats, stats]],
      ['none', []],
    ])
    const all = { brokerAddr: 'a:1', totalDiff: 1, totalInflightDiff: -2, consumeStats }
    const bytes = encodeBrokerConsumeStats(all)
    const again = decodeBrokerConsumeStats(bytes)
    assert.deepEqual([...again.consumeStats.keys()], ['G', 'none'])
    assert.deepEqual(encodeBrokerConsumeStats(again), bytes)
  })
})
