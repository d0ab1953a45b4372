import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { ConsumeProgress } from './consume-progress.ts'
import { OffsetReset, type ResetRequest } from './offset-reset.ts'
import { TestBroker } from './test-broker.ts'

const GROUP = 'billing'

/** Six messages in each of two queues; the group is at 3 in the first, and nowhere in the second. */
async function setUp(): Promise<{ test: TestBroker; disk: FaultyDisk }> {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  const test = TestBroker.open({ host: testHost(disk, clock) })
  test.topic('orders', 2)
  test.broker.groups.forUse(GROUP)
  for (let i = 0; i < 12; i++) await test.send({ topic: 'orders', queueId: i % 2 })
  test.broker.offsets.of(GROUP, 'orders').commit(0, 3)
  await test.clock.settle()
  return { test, disk }
}

function killed(disk: FaultyDisk): { test: TestBroker; disk: FaultyDisk } {
  const after = disk.afterProcessKill()
  return {
    test: TestBroker.open({ host: testHost(after, new VirtualClock(TEST_START_MS + 60_000)) }),
    disk: after,
  }
}

function wanted(timestampMs: number, queueId = -1): ResetRequest {
  return { group: GROUP, topic: 'orders', timestampMs, isForced: true, queueId, offset: undefined }
}

function reset(test: TestBroker, request: ResetRequest): void {
  const resets = new OffsetReset(test.broker)
  resets.apply(request, resets.plan(request))
}

function offsetsOf({ broker }: TestBroker, group = GROUP): (number | undefined)[] {
  return [0, 1].map((queueId) => broker.offsets.find(group, 'orders')?.get(queueId))
}

describe('OffsetReset', () => {
  it('shows queue by queue what a reset would do, and does nothing', async () => {
    const { test } = await setUp()
    assert.deepEqual(new OffsetReset(test.broker).preview(wanted(-1)), [
      { queueId: 0, before: 3, after: 6, minOffset: 0, maxOffset: 6 },
      { queueId: 1, before: undefined, after: 6, minOffset: 0, maxOffset: 6 },
    ])
    assert.deepEqual(offsetsOf(test), [3, undefined])
    assert.deepEqual(test.broker.offsetChanges.list(), [])
    await test.close()
  })

  it('undoes a reset, and the undoing of it', async () => {
    const { test } = await setUp()
    reset(test, wanted(-1))
    assert.deepEqual(offsetsOf(test), [6, 6])
    const resets = new OffsetReset(test.broker)
    resets.undo(1)
    assert.deepEqual(offsetsOf(test), [3, undefined])
    resets.undo(2)
    assert.deepEqual(offsetsOf(test), [6, 6])
    assert.throws(() => resets.undo(9), { kind: 'notFound' })
    await test.close()
  })

  it('sends the next pull back to where the group was', async () => {
    const { test } = await setUp()
    reset(test, wanted(-1, 0))
    test.pull(GROUP, 'orders', 0, 3)
    new OffsetReset(test.broker).undo(1)
    assert.equal(test.pull(GROUP, 'orders', 0, 6), 0)
    assert.equal(test.broker.store.reader.nextBeginOffset, 3)
    await test.close()
  })

  it('undoes what was given to a group by cloning', async () => {
    const { test } = await setUp()
    test.broker.offsets.of('other', 'orders').commit(0, 1)
    new ConsumeProgress(test.broker).clone(GROUP, 'other', 'orders', true)
    assert.deepEqual(offsetsOf(test, 'other'), [3, undefined])
    new OffsetReset(test.broker).undo(1)
    assert.deepEqual(offsetsOf(test, 'other'), [1, undefined])
    await test.close()
  })
})

describe('OffsetChanges', () => {
  it('know after kill -9 what was changed, and what the group has not been told', async () => {
    const first = await setUp()
    reset(first.test, wanted(0))
    await first.test.clock.settle()
    const second = killed(first.disk)
    assert.deepEqual(offsetsOf(second.test), [0, 0])
    assert.equal(second.test.broker.offsets.hasReset(GROUP, 'orders', 0), true)
    assert.equal(second.test.pull(GROUP, 'orders', 0, 5), 0)
    await second.test.clock.settle()
    const third = killed(second.disk)
    assert.equal(third.test.broker.offsets.hasReset(GROUP, 'orders', 0), false)
    assert.equal(third.test.broker.offsets.hasReset(GROUP, 'orders', 1), true)
    new OffsetReset(third.test.broker).undo(1)
    await third.test.close()
    const fourth = TestBroker.open({ host: testHost(third.disk, new VirtualClock(TEST_START_MS + 90_000)) })
    assert.deepEqual(offsetsOf(fourth), [3, undefined])
    assert.deepEqual(
      fourth.broker.offsetChanges.list().map(({ id, kind }) => [id, kind]),
      [
        [2, 'undo'],
        [1, 'reset'],
      ],
    )
    await fourth.close()
  })

  it('keep the last 200', async () => {
    const { test } = await setUp()
    for (let i = 0; i < 210; i++) reset(test, wanted(i % 2 === 0 ? 0 : -1, 0))
    const kept = test.broker.offsetChanges.list()
    assert.deepEqual([kept.length, kept[0]?.id, kept.at(-1)?.id], [200, 210, 11])
    await test.close()
  })

  it('do not keep what moves nothing', async () => {
    const { test } = await setUp()
    reset(test, { ...wanted(0, 0), offset: 3 })
    assert.deepEqual(test.broker.offsetChanges.list(), [])
    await test.close()
  })
})
