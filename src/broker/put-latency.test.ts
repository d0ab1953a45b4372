import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import { PutLatency } from './put-latency.ts'
import { QueueTraffic } from './queue-traffic.ts'

function setUp(): { clock: VirtualClock; latency: PutLatency; counts: { put: number }; heard: number[] } {
  const clock = new VirtualClock(0)
  const counts = { put: 0 }
  return { clock, counts, latency: new PutLatency(clock, () => counts.put), heard: [] }
}

function waiterOf(heard: number[]): AppendWaiter {
  return { appended: (_outcome, token) => heard.push(token) }
}

describe('PutLatency', () => {
  it('measures one message at a time, and passes the word on', async () => {
    const { clock, heard, latency } = setUp()
    const watched = latency.watch(waiterOf(heard), new QueueTraffic())
    assert.equal(latency.isFree, false)
    await clock.advance(30)
    watched.appended('stored', 7, 0, 0, 0)
    assert.deepEqual(heard, [7])
    assert.equal(latency.isFree, true)
    assert.equal(latency.maxMs, 30)
  })

  it('lets the measured one stand for all that came since the last', async () => {
    const { clock, counts, latency } = setUp()
    counts.put = 9
    latency.watch(waiterOf([]), new QueueTraffic()).appended('stored', 0, 0, 0, 0)
    counts.put = 10
    const watched = latency.watch(waiterOf([]), new QueueTraffic())
    await clock.advance(120)
    watched.appended('stored', 0, 0, 0, 0)
    assert.match(latency.distribution, /^\[<=0ms\]:0 /)
    latency.turnMinute()
    assert.match(latency.distribution, /^\[<=0ms\]:9 .*\[100~200ms\]:1 /)
    assert.equal(latency.percentile(0.9), 1)
    assert.equal(latency.percentile(1), 120)
    latency.turnMinute()
    assert.equal(latency.percentile(0.99), 0)
  })

  it('is free again when the message is refused', () => {
    const { latency } = setUp()
    latency.watch(waiterOf([]), new QueueTraffic())
    latency.cancel()
    assert.equal(latency.isFree, true)
  })

  it('names the spans as RocketMQ does', () => {
    const { latency } = setUp()
    const names =
      '[<=0ms]:0 [0~10ms]:0 [10~50ms]:0 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:0 '
    assert.equal(latency.distribution, names)
  })
})
