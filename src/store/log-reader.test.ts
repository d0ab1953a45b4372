import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageReader } from './message-reader.ts'
import { TestStore, testHost, testSettings } from './test-store.ts'

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

describe('LogReader', () => {
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
