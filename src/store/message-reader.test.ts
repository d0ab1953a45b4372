import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { CQ_ENTRY_BYTES } from './queue-entry.ts'
import { TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const QUEUE_FILE = '/store/consumequeue/T/0/00000000000000000000'

/** A store with six messages in a queue, stopped, and the size that the queue's file has for each of them. */
async function stopped(): Promise<{ disk: FaultyDisk; sizes: number[] }> {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock })
  const test = new TestStore(testHost(disk, clock), testSettings())
  test.store.open()
  const sizes: number[] = []
  for (let i = 0; i < 6; i++) {
    const { physicalOffset } = await test.send({ topic: 'T', queueId: 0, body: `m${i}` })
    sizes.push(test.store.log.end - physicalOffset)
  }
  await test.send({ topic: 'other', queueId: 0 })
  await test.store.close()
  return { disk, sizes }
}

/** Turns the size of an entry of the queue's file into another. */
function setSize(disk: FaultyDisk, index: number, [from, to]: readonly [from: number, to: number]): void {
  for (let byte = 0; byte < 4; byte++) {
    const xor = ((from ^ to) >>> (24 - 8 * byte)) & 0xff
    if (xor !== 0) disk.corrupt(QUEUE_FILE, index * CQ_ENTRY_BYTES + 8 + byte, xor)
  }
}

describe('MessageReader', () => {
  it('passes over entries of a queue that have no length, or one below', async () => {
    for (const size of [0, -1, -2_147_483_648]) {
      const { disk, sizes } = await stopped()
      for (const index of [1, 3]) setSize(disk, index, [sizes[index] ?? 0, size])
      const after = disk.afterProcessKill()
      const test = new TestStore(testHost(after, new VirtualClock(TEST_START_MS)), testSettings())
      test.store.open()
      assert.deepEqual(await test.bodies('T'), ['m0', 'm2', 'm4', 'm5'], `size ${size}`)
      assert.deepEqual(await test.bodies('T', 0, 3), ['m4', 'm5'])
      const { queues, reader } = test.store
      const queue = queues.existing('T', 0)
      assert.ok(queue)
      const request = { queueOffset: 0, countMax: 32, bytesMax: 1024, filter: undefined }
      assert.deepEqual([reader.read(queue, request), reader.count], ['FOUND', 4])
      await test.store.close()
    }
  })

  it('reads entries at once where their records are near, from the second block on', async () => {
    const disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) })
    const hotDistances = [Number.MAX_SAFE_INTEGER, 0]
    const first = new TestStore(testHost(disk), testSettings())
    first.store.open()
    for (let i = 0; i < 50; i++) await first.send({ topic: 'T', body: `m${i}` })
    await first.store.close()
    for (const hotDistanceBytes of hotDistances) {
      const settings = testSettings()
      const readLimits = { ...settings.readLimits, hotDistanceBytes, coldCountMax: 32 }
      const test = new TestStore(testHost(disk), { ...settings, readLimits })
      test.store.open()
      const { queues, reader } = test.store
      const queue = queues.existing('T', 0)
      assert.ok(queue)
      const request = { queueOffset: 0, countMax: 32, bytesMax: 8192, filter: undefined }
      assert.equal(reader.read(queue, request), 'loading')
      while (reader.read(queue, request) === 'loading') await reader.load()
      // a file holds 20 entries
      assert.equal(reader.count, hotDistanceBytes > 0 ? 32 : 20)
      await test.store.close()
    }
  })
})
