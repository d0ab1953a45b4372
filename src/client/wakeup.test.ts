import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { Wakeup } from './wakeup.ts'

function sleeper(clock: VirtualClock): { wakeup: Wakeup; sleep(delayMs?: number): void; count(): number } {
  const wakeup = new Wakeup(clock)
  let count = 0
  return { wakeup, sleep: (delayMs) => void wakeup.sleep(delayMs).then(() => count++), count: () => count }
}

describe('Wakeup', () => {
  it('ends a sleep by its time', async () => {
    const clock = new VirtualClock(0)
    const { sleep, count } = sleeper(clock)
    sleep(100)
    await clock.advance(99)
    assert.equal(count(), 0)
    await clock.advance(1)
    assert.equal(count(), 1)
  })

  it('ends a sleep by a call, and leaves no timer', async () => {
    const clock = new VirtualClock(0)
    const { wakeup, sleep, count } = sleeper(clock)
    sleep(100)
    wakeup.wake()
    await clock.settle()
    assert.equal(count(), 1)
    assert.equal(clock.timerCount, 0)
  })

  it('keeps one call for the next sleep', async () => {
    const clock = new VirtualClock(0)
    const { wakeup, sleep, count } = sleeper(clock)
    wakeup.wake()
    wakeup.wake()
    sleep()
    await clock.settle()
    assert.equal(count(), 1)
    sleep()
    await clock.settle()
    assert.equal(count(), 1)
  })
})
