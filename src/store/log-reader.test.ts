import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { MessageReader } from './message-reader.ts'
import { TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const MIB = 1024 * 1024
const LOADS_MAX = 3

/** Reads the message at an offset of queue 0. @returns its bytes; undefined when it does not come after a few loads */
async function readAt(
  test: TestStore,
  reader: MessageReader,
  queueOffset: number,
): Promise<Buffer | undefined> {
  const queue = test.store.queues.existing('T', 0)
  assert.ok(queue)
  for (let loads = 0; loads <= LOADS_MAX; loads++) {
    const status = reader.read(queue, { queueOffset, countMax: 1, bytesMax: MIB, filter: undefined })
    if (status === 'FOUND') {
      const bytes = Buffer.alloc(reader.slices.bytes)
      reader.slices.copyTo(bytes, 0)
      return bytes
    }
    await reader.load()
  }
  return undefined
}

/** A store whose first message has left the tail's memory. */
async function storeWithColdStart(hotDistanceBytes: number): Promise<{ test: TestStore; disk: FaultyDisk }> {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  const settings = testSettings({ commitLogFileBytes: 64 * MIB, tailBytesMax: 2 * MIB })
  const readLimits = { ...settings.readLimits, hotDistanceBytes }
  const test = new TestStore(testHost(disk, clock), { ...settings, readLimits })
  test.store.open()
  for (let i = 0; i < 6; i++) await test.send({ topic: 'T', body: Buffer.alloc(MIB / 2, 65 + i) })
  await test.send({ topic: 'T', body: 'small' })
  for (let i = 0; i < 6; i++) await test.send({ topic: 'T', body: Buffer.alloc(MIB / 2, 65 + i) })
  return { test, disk }
}

const SMALL_AT = 6

/** Bodies of a queue's messages, half of which follow one another in the log. */
const RUN_BODIES = Array.from({ length: 20 }, (_, i) => String.fromCharCode(65 + i).repeat(2048))

/** A store with these in a queue, messages of others between the runs, and none of them in the tail's memory. */
async function storeWithRuns(): Promise<{ test: TestStore; disk: FaultyDisk }> {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  const settings = testSettings({ commitLogFileBytes: 64 * MIB, tailBytesMax: 2 * MIB })
  const test = new TestStore(testHost(disk, clock), settings)
  test.store.open()
  for (const [i, body] of RUN_BODIES.entries()) {
    if (i === RUN_BODIES.length / 2) await test.send({ topic: 'other' })
    await test.send({ topic: 'T', body })
  }
  for (let i = 0; i < 6; i++) await test.send({ topic: 'other', body: Buffer.alloc(MIB / 2) })
  return { test, disk }
}

/** The status of a first read of the small message, whose entry is in memory. */
function firstStatus(test: TestStore): string {
  const queue = test.store.queues.existing('T', 0)
  assert.ok(queue)
  const request = { queueOffset: SMALL_AT, countMax: 1, bytesMax: MIB, filter: undefined }
  return test.store.makeReader(1).read(queue, request)
}

describe('LogReader', () => {
  it('reads at once what the kernel most likely has in memory', async () => {
    const { test } = await storeWithColdStart(64 * MIB)
    assert.equal(firstStatus(test), 'FOUND')
    await test.store.close()
  })

  it('reads off the event loop what lies far behind', async () => {
    const { test } = await storeWithColdStart(MIB)
    assert.equal(firstStatus(test), 'loading')
    const bytes = await readAt(test, test.store.makeReader(1), SMALL_AT)
    assert.ok(bytes?.includes('small'))
    assert.equal(firstStatus(test), 'FOUND')
    await test.store.close()
  })

  it('tells the error of the disk when it loads, not where it reads at once', async () => {
    const { test, disk } = await storeWithColdStart(64 * MIB)
    const end = disk.fail((op) => op.kind === 'read', 'EIO')
    assert.equal(firstStatus(test), 'loading')
    await assert.rejects(readAt(test, test.store.makeReader(1), SMALL_AT), { code: 'EIO' })
    end()
    assert.equal(firstStatus(test), 'FOUND')
    await test.store.close()
  })

  it('reads records that follow one another at once, each run by itself', async () => {
    const { test, disk } = await storeWithRuns()
    let readCount = 0
    const end = disk.fail((call) => {
      if (call.kind === 'read' && call.path.includes('commitlog')) readCount++
      return false
    }, 'EIO')
    assert.deepEqual(await test.bodies('T'), RUN_BODIES)
    end()
    assert.equal(readCount, 2)
    await test.store.close()
  })

  it('reads runs off the event loop where that fails on it', async () => {
    const { test, disk } = await storeWithRuns()
    const end = disk.fail((call) => call.kind === 'read', 'EIO')
    await assert.rejects(test.bodies('T'), { code: 'EIO' })
    end()
    assert.deepEqual(await test.bodies('T'), RUN_BODIES)
    await test.store.close()
  })

  it('reads records that go on in the next piece of the tail', async () => {
    const test = new TestStore(
      testHost(),
      testSettings({ commitLogFileBytes: 64 * MIB, tailBytesMax: 4 * MIB }),
    )
    test.store.open()
    const bodies = Array.from({ length: 200 }, (_, i) => String(i).padStart(10_000, '-'))
    for (const body of bodies) await test.send({ topic: 'T', body })
    assert.deepEqual(await test.bodies('T'), bodies)
    await test.store.close()
  })

  it('reads records larger than the whole cache, for several readers at a time', async () => {
    const settings = testSettings({
      ...{ commitLogFileBytes: 64 * MIB, cacheBytesMax: MIB / 2, tailBytesMax: 2 * MIB },
    })
    const test = new TestStore(testHost(), settings)
    test.store.open()
    const bodies = Array.from({ length: 12 }, (_, i) => Buffer.alloc(1.5 * MIB, 65 + i))
    for (const body of bodies) await test.send({ topic: 'T', body })
    const found = await Promise.all(bodies.map((_, offset) => readAt(test, test.store.makeReader(1), offset)))
    for (const [offset, bytes] of found.entries())
      assert.ok(bytes?.includes(bodies[offset] as Buffer), `the message at ${offset}`)
    await test.store.close()
  })
})
