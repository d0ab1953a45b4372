import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const HOUR_MS = 3_600_000

/** A store with so many messages in queues T/0 and T/1, all in files and noted. */
async function filled(count: number, disk?: FaultyDisk): Promise<TestStore> {
  const clock = new VirtualClock(TEST_START_MS)
  const test = new TestStore(testHost(disk ?? new MemoryDisk({ clock }), clock), testSettings())
  test.store.open()
  for (let i = 0; i < count; i++) {
    await test.send({ topic: 'T', queueId: i % 2, body: `m${i}`.padEnd(100), properties: { KEYS: `k${i}` } })
  }
  await clock.advance(11_000)
  return test
}

/** Lets the wall clock pass three days. */
function pass(test: TestStore): void {
  test.host.clock.setWallMs(test.host.clock.nowMs() + 73 * HOUR_MS)
}

describe('Retention', () => {
  it('deletes expired files of log, queues and index, and begins the queues behind them', async () => {
    const test = await filled(200)
    const { disk } = test.host
    const filesBefore = test.store.log.files.fileCount
    assert.equal(await test.store.deleteExpired(), 0)
    pass(test)
    const deleted = await test.store.deleteExpired()
    assert.equal(deleted, Math.min(filesBefore - 1, 10))
    assert.equal(test.store.log.minOffset, deleted * 4096)
    for (const queueId of [0, 1]) {
      const queue = test.store.queues.existing('T', queueId)
      assert(queue && queue.minOffset > 0 && queue.minOffset < queue.maxOffset)
      const offsets = (await test.records('T', queueId)).map(({ queueOffset }) => queueOffset)
      assert.deepEqual([offsets[0], offsets.length], [queue.minOffset, queue.maxOffset - queue.minOffset])
      const [first = ''] = disk.listSync(`/store/consumequeue/T/${queueId}`)
      assert(Number(first) > 0 && Number(first) / 20 <= queue.minOffset, first)
      assert.equal(
        test.store.reader.read(queue, { queueOffset: 0, countMax: 1, bytesMax: 1, filter: undefined }),
        'OFFSET_TOO_SMALL',
      )
      assert.equal(test.store.reader.nextBeginOffset, queue.minOffset)
    }
    assert(
      (await test.store.index?.query({ topic: 'T', key: 'k0', beginMs: 0, endMs: 2 ** 50, countMax: 1 }))
        ?.length === 0,
    )
    const settings = test.store.settings
    await test.store.close()
    const next = new TestStore(test.host, settings)
    assert.equal(next.store.open().scannedRecords, 0)
    assert.equal(next.store.log.minOffset, deleted * 4096)
    assert.equal((await next.send({ topic: 'T', queueId: 0 })).queueOffset, 100)
    await next.store.close()
  })

  it('does so by itself at the hour', async () => {
    const test = await filled(60)
    pass(test)
    const { clock } = test.host
    while (clock.localTime(clock.nowMs()).hour !== 3) clock.setWallMs(clock.nowMs() + HOUR_MS)
    await clock.advance(11_000)
    assert.equal(test.store.log.minOffset, 0)
    clock.setWallMs(clock.nowMs() + HOUR_MS)
    await clock.advance(11_000)
    assert(test.store.log.minOffset > 0)
    await test.store.close()
  })

  it('runs once at a time, so that nobody deletes what another has counted', async () => {
    const test = await filled(200)
    pass(test)
    const deleted = await Promise.all([1, 2, 3, 4].map(() => test.store.deleteExpired()))
    const { files } = test.store.log
    assert(files.fileCount >= 1)
    assert.equal(deleted.reduce((sum, count) => sum + count, 0) * 4096, test.store.log.minOffset)
    assert.equal((await test.send({ topic: 'T' })).outcome, 'stored')
    await test.store.close()
  })

  it('leaves what a recovery would begin with', async () => {
    const test = await filled(20)
    const noted = test.store.log.end
    for (let i = 0; i < 100; i++) await test.send({ topic: 'T', queueId: i % 2, body: 'x'.repeat(100) })
    pass(test)
    await test.store.deleteExpired()
    assert(test.store.log.minOffset <= noted)
    await test.host.clock.advance(11_000)
    await test.store.deleteExpired()
    assert(test.store.log.minOffset > noted)
    await test.store.close()
  })

  it('lets readers read on while files go', async () => {
    const test = await filled(200)
    await test.store.close()
    const next = new TestStore(test.host, testSettings({ cacheBytesMax: 8192 }))
    next.store.open()
    pass(next)
    const { reader } = next.store
    const queue = next.store.queues.existing('T', 0)
    assert(queue)
    const read = (): string =>
      reader.read(queue, { queueOffset: 3, countMax: 1, bytesMax: 1, filter: undefined })
    assert.equal(read(), 'loading')
    const loading = reader.load()
    const deleting = next.store.deleteExpired()
    await loading
    assert(await deleting)
    // what was being read is gone by now: that is an answer, no error
    while (read() === 'loading') await reader.load()
    assert.equal(reader.status, 'OFFSET_TOO_SMALL')
    assert.equal((await next.bodies('T', 0)).length, queue.maxOffset - queue.minOffset)
    await next.store.close()
  })

  it('keeps a file that cannot be deleted, and all behind it', async () => {
    const disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) })
    const test = await filled(100, disk)
    pass(test)
    const end = disk.fail((op) => op.kind === 'unlink' && op.path.includes('/commitlog/'), 'EACCES')
    await assert.rejects(test.store.deleteExpired(), { code: 'EACCES' })
    assert.equal(test.store.log.minOffset, 0)
    assert.equal((await test.bodies('T', 0)).length, 50)
    end()
    assert(await test.store.deleteExpired())
    const next = new TestStore(testHost(disk.afterProcessKill()), testSettings())
    next.store.open()
    assert.equal(next.store.log.minOffset, test.store.log.minOffset)
  })

  it('keeps the offsets of a queue whose messages have all expired', async () => {
    const test = await filled(10)
    for (let i = 0; i < 60; i++) await test.send({ topic: 'Other', body: 'x'.repeat(200) })
    await test.host.clock.advance(11_000)
    pass(test)
    await test.store.deleteExpired()
    const queue = test.store.queues.existing('T', 0)
    assert.deepEqual([queue?.minOffset, queue?.maxOffset], [5, 5])
    await test.store.close()
    const next = new TestStore(test.host, test.store.settings)
    next.store.open()
    const after = next.store.queues.existing('T', 0)
    assert.deepEqual([after?.minOffset, after?.maxOffset], [5, 5])
    assert.equal((await next.send({ topic: 'T', queueId: 0 })).queueOffset, 5)
    await next.store.close()
  })

  it('deletes by force on a nearly full disk, oldest first, and stops when there is room', async () => {
    const clock = new VirtualClock(TEST_START_MS)
    const disk = new MemoryDisk({ clock, capacityBytes: 16 * 1024 * 1024 })
    const test = new TestStore(testHost(disk, clock), testSettings({ commitLogFileBytes: 1024 * 1024 }))
    test.store.open()
    for (let i = 0; i < 250; i++) {
      await test.send({ topic: 'T', body: Buffer.alloc(100_000, i) })
      await clock.advance(1000)
    }
    assert.equal(test.store.refusal, undefined)
    assert(test.store.log.minOffset > 0)
    const kept = test.store.log.files.fileCount
    await clock.advance(60_000)
    assert.equal(test.store.log.files.fileCount, kept, 'nothing more goes')
    await test.store.close()
  })
})
