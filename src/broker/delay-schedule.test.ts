import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { TestBroker } from './test-broker.ts'

function faultyBroker(): { test: TestBroker; disk: FaultyDisk } {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  return { test: TestBroker.open({ host: testHost(disk, clock) }), disk }
}

/** The broker after kill -9: what the kernel had is there, nothing else. */
function killed(disk: FaultyDisk, atMs: number): { test: TestBroker; disk: FaultyDisk } {
  const after = disk.afterProcessKill()
  return { test: TestBroker.open({ host: testHost(after, new VirtualClock(atMs)) }), disk: after }
}

describe('DelaySchedule', () => {
  it('delivers a message when its level says, not before', async () => {
    const test = TestBroker.open()
    test.topic('orders')
    await test.send({ topic: 'orders', queueId: 2, body: 'later', properties: { DELAY: '3', TAGS: 'A' } })
    await test.clock.advance(9_999)
    assert.deepEqual(await test.bodies('orders', 2), [])
    await test.clock.advance(1)
    const [message] = await test.messages('orders', 2)
    assert.equal(message?.body.toString(), 'later')
    assert.equal(message?.properties.get('TAGS'), 'A')
    assert.equal(message?.properties.get('REAL_TOPIC'), 'orders')
    await test.close()
  })

  it('takes a level above the highest for the highest, and none or 0 for no delay', async () => {
    const test = TestBroker.open()
    test.topic('orders')
    await test.send({ topic: 'orders', body: 'highest', properties: { DELAY: '99' } })
    await test.send({ topic: 'orders', body: 'none', properties: { DELAY: '0' } })
    await test.send({ topic: 'orders', body: 'not a level', properties: { DELAY: 'x' } })
    assert.deepEqual(await test.bodies('orders'), ['none', 'not a level'])
    await test.clock.advance(2 * 3_600_000)
    assert.deepEqual(await test.bodies('orders'), ['none', 'not a level', 'highest'])
    await test.close()
  })

  it('keeps the order of a level, and delivers many that fall due together', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    const sent = Array.from({ length: 3000 }, (_, i) => `m${i}`)
    for (const body of sent) test.put({ topic: 'orders', body, properties: { DELAY: '1' } })
    await test.clock.advance(1100)
    assert.deepEqual(await test.bodies('orders'), sent)
    await test.close()
  })

  it('delivers what fell due while it was down, once, whatever the moment of the kill', async () => {
    for (const killAfterMs of [0, 500, 999, 1000, 1001, 1500, 4000, 6000, 9000]) {
      const first = faultyBroker()
      first.test.topic('orders', 1)
      for (let i = 0; i < 20; i++) {
        await first.test.send({
          topic: 'orders',
          body: `m${i}`,
          properties: { DELAY: i % 2 === 0 ? '1' : '2' },
        })
        await first.test.clock.advance(100)
      }
      await first.test.clock.advance(killAfterMs)
      const second = killed(first.disk, TEST_START_MS + 60_000)
      await second.test.clock.advance(1000)
      // killed again at once, before any snapshot: what was delivered is counted from the log
      const third = killed(second.disk, TEST_START_MS + 120_000)
      await third.test.clock.advance(1000)
      const bodies = await third.test.bodies('orders')
      assert.deepEqual(
        bodies.sort(),
        Array.from({ length: 20 }, (_, i) => `m${i}`).sort(),
        `after ${killAfterMs} ms`,
      )
      await third.test.close()
    }
  })

  it('goes on when the disk takes messages again', async () => {
    const { test, disk } = faultyBroker()
    test.topic('orders', 1)
    await test.send({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    const end = disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    await test.clock.advance(5000)
    assert.deepEqual(await test.bodies('orders'), [])
    end()
    await test.clock.advance(5000)
    assert.deepEqual(await test.bodies('orders'), ['m'])
    await test.close()
  })

  it('delivers at once what a clock set back would leave for ever', async () => {
    const test = TestBroker.open()
    test.topic('orders', 1)
    await test.send({ topic: 'orders', body: 'm', properties: { DELAY: '1' } })
    test.clock.setWallMs(test.clock.nowMs() - 3_600_000)
    await test.clock.advance(2000)
    assert.deepEqual(await test.bodies('orders'), ['m'])
    await test.close()
  })
})
