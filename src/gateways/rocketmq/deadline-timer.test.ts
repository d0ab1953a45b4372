import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { DeadlineTimer } from './deadline-timer.ts'

describe('DeadlineTimer', () => {
  test('fires at the earliest deadline it knows, and then at the one it is told', async () => {
    const clock = new VirtualClock(0)
    const beganMs = clock.monoMs()
    const firedMs: number[] = []
    const next = [beganMs + 70, undefined]
    const timer = new DeadlineTimer(clock, () => {
      firedMs.push(clock.monoMs() - beganMs)
      return next.shift()
    })
    timer.fireBy(beganMs + 50)
    timer.fireBy(beganMs + 60)
    timer.fireBy(beganMs + 30)
    await clock.advance(1000)
    assert.deepEqual(firedMs, [30, 70])
    timer.fireBy(beganMs + 1500)
    await clock.advance(1000)
    assert.deepEqual(firedMs, [30, 70, 1500])
  })

  test('does not fire once it is cancelled', async () => {
    const clock = new VirtualClock(0)
    const timer = new DeadlineTimer(clock, () => assert.fail('it fired'))
    timer.fireBy(clock.monoMs() + 10)
    timer.cancel()
    await clock.advance(100)
  })
})
