import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { StoreSettings } from '../store/store-settings.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { TestBroker } from './test-broker.ts'

function opened(disk: FaultyDisk, store: Partial<StoreSettings> = {}): TestBroker {
  return TestBroker.open({ host: testHost(disk, new VirtualClock(TEST_START_MS)), store })
}

function newDisk(): FaultyDisk {
  return new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) })
}

// what users of RocketMQ have met (docs/reliability.md lists the rules that follow, and their tests)
describe('A broker in a situation of an issue of RocketMQ', () => {
  it('apache/rocketmq#1094, #1440, #7790, #9711: takes back no committed offset by a kill, whatever was written when', async () => {
    let disk = newDisk()
    let test = opened(disk)
    test.topic('orders', 1)
    for (let i = 0; i < 40; i++) await test.send({ topic: 'orders' })
    for (let offset = 1; offset <= 40; offset++) {
      test.broker.offsets.of('billing', 'orders').commit(0, offset)
      // the answer leaves at the end of this turn; the file is written every five seconds
      await test.clock.settle()
      if (offset % 3 === 0) await test.clock.advance(1700)
      disk = disk.afterProcessKill()
      test = opened(disk)
      assert.equal(test.broker.offsets.of('billing', 'orders').get(0), offset)
    }
    // only who sets it back on purpose does so
    test.broker.offsets.reset('billing', 'orders', 0, 7)
    await test.clock.settle()
    assert.equal(opened(disk.afterProcessKill()).broker.offsets.of('billing', 'orders').get(0), 7)
  })

  it('alibaba/RocketMQ#210, apache/rocketmq#351, #395: answers an offset out of range by the bounds of the log, counts it, and moves nothing', async () => {
    const test = opened(newDisk())
    test.topic('orders', 1)
    for (let i = 0; i < 100; i++) await test.send({ topic: 'orders', body: 'x'.repeat(100) })
    await test.clock.advance(11_000)
    test.clock.setWallMs(test.clock.nowMs() + 80 * 3_600_000)
    await test.broker.store.deleteExpired()
    const { minOffset, maxOffset } = test.broker.store.queues.existing('orders', 0) ?? {}
    assert.ok(minOffset !== undefined && minOffset > 0 && minOffset < 100)
    const offsets = test.broker.offsets.of('billing', 'orders')
    const { reader } = test.broker.store
    for (const [asked, committed, answered] of [
      [0, minOffset - 1, minOffset],
      [maxOffset, 42, maxOffset],
      [5000, 42, maxOffset],
    ] as const) {
      offsets.commit(0, committed)
      assert.equal(test.pull('billing', 'orders', 0, asked ?? -1), 0)
      assert.equal(reader.nextBeginOffset, answered)
      assert.equal(offsets.get(0), committed)
    }
    assert.equal(offsets.outOfRangeCount, 2, 'one at the end waits there')
    await test.close()
  })

  it('apache/rocketmq#2709, #4425: says busy at once when the disk is far behind, and takes messages again when it is not', async () => {
    const disk = newDisk()
    const test = opened(disk, { commitLogFileBytes: 4 * 1024 * 1024 })
    test.topic('orders', 1)
    let release = (): void => undefined
    const isReleased = new Promise<void>((resolve) => {
      release = resolve
    })
    const end = disk.delay(
      (op) => op.kind === 'write' && op.path.includes('commitlog'),
      () => isReleased,
    )
    const body = Buffer.alloc(500_000)
    // more than a turn's bytes are written off the loop, where the disk hangs; the rest piles up in memory
    let taken = 0
    const put = (): void => {
      test.put({ topic: 'orders', body })
      taken++
    }
    put()
    await test.clock.settle()
    assert.throws(
      () => {
        for (;;) put()
      },
      { kind: 'busy' },
    )
    assert.ok(taken * body.length < 70 * 1024 * 1024, `${taken} messages in memory`)
    end()
    release()
    await test.clock.advance(100)
    await test.send({ topic: 'orders', body: 'last' })
    assert.equal((await test.bodies('orders')).length, taken + 1)
    await test.close()
  })
})
