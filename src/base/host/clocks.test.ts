import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ForwardClock } from './forward-clock.ts'
import { RealClock } from './real-clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('RealClock', () => {
  it('fires in order and never early', async () => {
    const clock = new RealClock()
    const startMs = clock.monoMs()
    const fired: string[] = []
    await new Promise<void>((resolve) => {
      clock.after(8.5, () => {
        fired.push('second')
        assert.ok(clock.monoMs() - startMs >= 8.5)
        resolve()
      })
      clock.after(0, () => fired.push('first'))
      clock.after(1, () => fired.push('cancelled')).cancel()
    })
    assert.deepEqual(fired, ['first', 'second'])
  })

  it('does not fire a delay at once that is longer than a timer of Node takes', async () => {
    const clock = new RealClock()
    const timer = clock.after(2 ** 31 + 5, () => assert.fail('fired'))
    await new Promise<void>((resolve) => clock.after(5, resolve))
    timer.cancel()
  })

  it('ends the turn once for all who asked, and runs the others when one throws', async (t) => {
    const clock = new RealClock()
    const ran: string[] = []
    clock.endOfTurn(() => {
      ran.push('a')
      clock.endOfTurn(() => ran.push('next turn'))
    })
    clock.endOfTurn(() => ran.push('b'))
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
    assert.deepEqual(ran, ['a', 'b'])
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
    assert.deepEqual(ran, ['a', 'b', 'next turn'])

    const uncaught: unknown[] = []
    process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error))
    t.after(() => process.setUncaughtExceptionCaptureCallback(null))
    clock.endOfTurn(() => {
      throw new Error('a fault')
    })
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
    assert.equal(uncaught.length, 1)
  })

  it('knows the calendar', () => {
    const epochMs = new Date(2024, 1, 29, 13, 14, 15, 16).getTime()
    assert.deepEqual(new RealClock().localTime(epochMs), {
      year: 2024,
      month: 2,
      day: 29,
      hour: 13,
      minute: 14,
      second: 15,
      millisecond: 16,
    })
  })
})

describe('ForwardClock', () => {
  const nothing = async (): Promise<void> => undefined

  it('flows by itself, and fires early enough', async () => {
    const clock = new ForwardClock()
    const startMs = clock.monoMs()
    const fired: string[] = []
    await new Promise<void>((resolve) => {
      clock.after(8, () => {
        fired.push('last')
        assert.ok(clock.monoMs() - startMs >= 8)
        resolve()
      })
      clock.after(1, () => fired.push('first'))
      clock.after(2, () => fired.push('cancelled')).cancel()
    })
    assert.deepEqual(fired, ['first', 'last'])
    assert.equal(clock.timerCount, 0)
  })

  it('moves from timer to timer, each at its time', async () => {
    const clock = new ForwardClock()
    const [startMs, wallMs] = [clock.monoMs(), clock.nowMs()]
    const fired: number[] = []
    const again = (): void => {
      fired.push(Math.round((clock.monoMs() - startMs) / 60_000))
      clock.after(60_000, again)
    }
    clock.after(60_000, again)
    let settledCount = 0
    await clock.advance(10.5 * 60_000, async () => {
      settledCount++
    })
    assert.deepEqual(fired, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert.equal(settledCount, 11)
    assert.ok(clock.monoMs() - startMs >= 10.5 * 60_000)
    assert.ok(clock.nowMs() - wallMs >= 10.5 * 60_000 - 1)
    clock.stop()
  })

  it('fires in the order of time and registration', async () => {
    const clock = new ForwardClock()
    const fired: string[] = []
    for (const name of ['b', 'c']) clock.after(1000, () => fired.push(name))
    clock.after(500, () => fired.push('a'))
    await clock.advance(2000, nothing)
    assert.deepEqual(fired, ['a', 'b', 'c'])
  })

  it('keeps the other timers when one throws', async () => {
    const clock = new ForwardClock()
    let isFired = false
    clock.after(1000, () => {
      throw new Error('a fault')
    })
    clock.after(2000, () => {
      isFired = true
    })
    await assert.rejects(clock.advance(3000, nothing), /a fault/)
    await clock.advance(2000, nothing)
    assert.ok(isFired)
  })
})

describe('VirtualClock', () => {
  it('stands still until it is moved, and fires in the order of time, then of registration', async () => {
    const clock = new VirtualClock(1000)
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.nowMs()}`)
    clock.after(20, note('c'))
    clock.after(10, note('a'))
    clock.after(10, note('b'))
    clock.after(15, note('cancelled')).cancel()
    clock.after(21, note('d'))
    assert.deepEqual([clock.nowMs(), clock.monoMs(), clock.timerCount], [1000, 0, 4])
    await clock.advance(20)
    assert.deepEqual(fired, ['a@1010', 'b@1010', 'c@1020'])
    assert.deepEqual([clock.nowMs(), clock.monoMs(), clock.timerCount], [1020, 20, 1])
  })

  it('settles promises after each timer and ends the turn after each instant', async () => {
    const clock = new VirtualClock(0)
    const trace: string[] = []
    const event = (name: string) => () => {
      trace.push(name)
      void Promise.resolve()
        .then(() => undefined)
        .then(() => trace.push(`promise of ${name}`))
      clock.endOfTurn(() => trace.push(`end after ${name}`))
    }
    clock.after(1, event('a'))
    clock.after(1, event('b'))
    clock.after(2, event('c'))
    await clock.advance(2)
    assert.deepEqual(trace, [
      ...['a', 'promise of a', 'b', 'promise of b', 'end after a', 'end after b'],
      ...['c', 'promise of c', 'end after c'],
    ])
  })

  it('puts what is armed or asked for in a turn into the next one', async () => {
    const clock = new VirtualClock(0)
    const trace: string[] = []
    clock.after(1, () => {
      trace.push('timer')
      clock.after(0, () => trace.push('timer of the same instant'))
      clock.endOfTurn(() => {
        trace.push('end')
        clock.endOfTurn(() => trace.push('next end'))
        void Promise.resolve().then(() => trace.push('promise'))
      })
    })
    await clock.advance(1)
    assert.deepEqual(trace, ['timer', 'end', 'promise', 'next end', 'timer of the same instant'])
  })

  it('settles without moving time', async () => {
    const clock = new VirtualClock(5)
    let isEnded = false
    clock.endOfTurn(() => {
      isEnded = true
    })
    clock.after(0, () => assert.fail('time moved'))
    await clock.settle()
    assert.equal(isEnded, true)
    assert.equal(clock.nowMs(), 5)
  })

  it('moves to the moment at which something comes true, or tells that it did not', async () => {
    const clock = new VirtualClock(0)
    let isDone = false
    clock.after(7, () => {
      isDone = true
    })
    clock.after(9, () => undefined)
    assert.equal(await clock.advanceUntil(() => isDone, 6), false)
    assert.equal(await clock.advanceUntil(() => isDone, 100), true)
    assert.equal(clock.monoMs(), 7)
    assert.equal(await clock.advanceUntil(() => false, 100), false)
  })

  it('lets the wall clock jump without the timers', async () => {
    const clock = new VirtualClock(1_000_000)
    let firedAtMs = 0
    clock.after(10, () => {
      firedAtMs = clock.nowMs()
    })
    clock.setWallMs(500)
    assert.equal(clock.nowMs(), 500)
    await clock.advance(10)
    assert.deepEqual([firedAtMs, clock.monoMs()], [510, 10])
  })

  it('hands on what a callback throws, and keeps the rest', async () => {
    const clock = new VirtualClock(0)
    let ran = 0
    clock.endOfTurn(() => {
      throw new Error('a fault')
    })
    clock.endOfTurn(() => ran++)
    clock.after(1, () => ran++)
    await assert.rejects(clock.advance(1), /a fault/)
    await clock.advance(1)
    assert.equal(ran, 2)
  })

  it('refuses to be moved by two at once, and to turn for ever', async () => {
    const clock = new VirtualClock(0)
    const moving = clock.advance(1)
    await assert.rejects(clock.advance(1), /being moved already/)
    await moving
    const again = (): void => clock.endOfTurn(again)
    again()
    await assert.rejects(clock.settle(), /does not come to rest/)
  })

  it('keeps the calendar of its zone', () => {
    const hour = (offsetMs: number): number => new VirtualClock(0, offsetMs).localTime(0).hour
    assert.deepEqual([hour(0), hour(8 * 3_600_000)], [0, 8])
    assert.equal(new VirtualClock(0).localTime(951_782_400_000).month, 2)
    assert.equal(new VirtualClock(0).localTime(951_782_400_000).day, 29)
  })
})
