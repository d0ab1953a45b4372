import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Handled } from './handler-context.ts'
import { HandlerRunner } from './handler-runner.ts'
import { Instruments } from './instrumentation.ts'
import { messagesAt } from './test-messages.ts'

describe('HandlerRunner', () => {
  it('leaves no timer behind when it stops, whoever took too long before', async () => {
    const clock = new VirtualClock(0)
    const items: Handled[] = messagesAt(0).map((message) => ({ message, failures: 0 }))
    const failed: unknown[] = []
    const runner = new HandlerRunner<Handled>(
      {
        clock,
        handler: () => new Promise(() => undefined),
        instruments: new Instruments(clock, []),
        replies: { reply: () => Promise.reject(new Error('no reply is asked for')) },
        source: { take: () => items.shift() },
        settler: { succeed: () => undefined, fail: async (_item, error) => void failed.push(error) },
      },
      { group: 'g', concurrency: 2, handlerTimeoutMs: 3000 },
    )
    runner.pump()
    await clock.advance(1000)
    // one begins in the meantime, and one as soon as the first is given up
    items.push(...messagesAt(1, 2).map((message) => ({ message, failures: 0 })))
    runner.pump()
    await clock.advance(2500)
    assert.equal(failed.length, 1)
    assert.equal(runner.runningCount, 2)
    await clock.advanceUntilSettled(runner.stop(100), 1000)
    assert.equal(clock.timerCount, 0)
  })
})
