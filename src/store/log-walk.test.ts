import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogWalk } from './log-walk.ts'
import { TestStore } from './test-store.ts'

/** A log of several files with records of many sizes. */
async function written(): Promise<TestStore> {
  const test = new TestStore()
  test.store.open()
  for (let i = 0; i < 120; i++) await test.send({ topic: 'T', body: 'x'.repeat((i * 7) % 200) })
  return test
}

function offsetsOf(walk: LogWalk): number[] {
  const offsets: number[] = []
  while (walk.next()) offsets.push(walk.record.physicalOffset)
  return offsets
}

describe('LogWalk', () => {
  it('finds all records wherever they lie in what is read at once', async () => {
    const { store } = await written()
    const expected = offsetsOf(new LogWalk(store.log.files, 0))
    assert.equal(expected.length, 120)
    for (let readBytes = 8; readBytes < 700; readBytes += 1) {
      const walk = new LogWalk(store.log.files, 0, readBytes)
      assert.deepEqual(offsetsOf(walk), expected, `${readBytes} bytes at once`)
      assert.deepEqual([walk.end, walk.isBad, walk.reason], [store.log.end, false, 'zeros'])
    }
    await store.close()
  })

  it('ends at a record with any flipped bit that the format covers, and says why', async () => {
    const { store } = await written()
    const { files } = store.log
    const at = offsetsOf(new LogWalk(files, 0))[60] ?? 0
    const start = files.startOf(at)
    const byte = Buffer.alloc(1)
    // size, magic, body CRC, queue offset and id up to the sign, physical offset; body length, body, topic
    for (const position of [0, 3, 4, 7, 8, 12, 20, 28, 35, 84, 87, 88]) {
      files.readSync(byte, at + position)
      const flipped = Buffer.from([(byte[0] ?? 0) ^ 0x80])
      files.fileAt(at).writeSync([flipped], at - start + position)
      const walk = new LogWalk(files, 0)
      assert.equal(offsetsOf(walk).at(-1) === at, false)
      assert.deepEqual([walk.end, walk.isBad, walk.recordCount], [at, true, 60], `byte ${position}`)
      assert.notEqual(walk.reason, '')
      files.fileAt(at).writeSync([byte], at - start + position)
    }
    await store.close()
  })

  it('ends at a record of which a power loss took a sector, wherever its borders lie (issue apache/rocketmq#7437)', async () => {
    for (let shift = 0; shift < 520; shift += 3) {
      const test = new TestStore()
      test.store.open()
      await test.send({ topic: 'T', body: 'x'.repeat(shift) })
      // a body of zeros has the CRC of zeros: only what is around it tells
      const message = { topic: 'Topic', body: Buffer.alloc(700), properties: { KEYS: 'k'.repeat(400) } }
      const { physicalOffset: at } = await test.send(message)
      const { end } = await test.send({ topic: 'T' }).then(() => test.store.log)
      const { files } = test.store.log
      const record = test.store.recordAt(at)
      assert(record)
      for (let sector = Math.ceil(at / 512) * 512; sector < at + record.length; sector += 512) {
        const sectorEnd = Math.min(sector + 512, at + record.length)
        const lost = Buffer.alloc(sectorEnd - sector)
        files.fileAt(0).writeSync([lost], sector)
        const isChanged = record.subarray(sector - at, sectorEnd - at).some((byte) => byte !== 0)
        const walk = new LogWalk(files, 0)
        offsetsOf(walk)
        assert.equal(walk.end, isChanged ? at : end, `${shift}, ${sector - at}`)
        files.fileAt(0).writeSync([record.subarray(sector - at, sectorEnd - at)], sector)
      }
      await test.store.close()
    }
  })

  it('ends at the last record when zeros stand from any byte of it on', async () => {
    for (const properties of [{}, { KEYS: 'k', TAGS: 'TagA' }] as const) {
      const test = new TestStore()
      test.store.open()
      await test.send({ topic: 'T', body: 'before' })
      // a body of zeros has the CRC of zeros
      const { physicalOffset: at } = await test.send({ topic: 'Topic', body: Buffer.alloc(40), properties })
      const { files } = test.store.log
      const record = test.store.recordAt(at)
      assert(record)
      for (let cut = 0; cut < record.length; cut++) {
        if (record.subarray(cut).every((byte) => byte === 0)) break
        files.fileAt(0).writeSync([Buffer.alloc(record.length - cut)], at + cut)
        const walk = new LogWalk(files, 0)
        offsetsOf(walk)
        assert.equal(walk.end, at, `cut behind ${cut} of ${record.length} bytes`)
        files.fileAt(0).writeSync([record], at)
      }
      await test.store.close()
    }
  })

  it('believes properties that end with a zero while another record stands behind', async () => {
    const test = new TestStore()
    test.store.open()
    const { physicalOffset: at } = await test.send({ topic: 'T', properties: { KEYS: 'k' } })
    const record = test.store.recordAt(at)
    assert(record)
    const { files } = test.store.log
    files.fileAt(0).writeSync([Buffer.alloc(1)], at + record.length - 1)
    const ends: number[] = []
    for (let more = 0; more < 2; more++) {
      const walk = new LogWalk(files, 0)
      offsetsOf(walk)
      ends.push(walk.end)
      if (more === 0) await test.send({ topic: 'T' })
    }
    assert.deepEqual(ends, [at, test.store.log.end])
    await test.store.close()
  })

  it('ends where a blank does not reach the end of its file, and where a record leads beyond it', async () => {
    const { store } = await written()
    const { files } = store.log
    const offsets = offsetsOf(new LogWalk(files, 0))
    const head = Buffer.alloc(8)
    const at = offsets[30] ?? 0
    files.readSync(head, at)
    for (const [bytes, magic] of [
      [100, 0xcbd43194],
      [files.fileBytes, head.readUInt32BE(4)],
    ] as const) {
      const lying = Buffer.alloc(8)
      lying.writeUInt32BE(bytes, 0)
      lying.writeUInt32BE(magic, 4)
      files.fileAt(at).writeSync([lying], at - files.startOf(at))
      const walk = new LogWalk(files, 0)
      offsetsOf(walk)
      assert.deepEqual([walk.end, walk.isBad], [at, true])
    }
    await store.close()
  })
})
