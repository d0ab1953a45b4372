import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { below } from './random-range.ts'
import { SeededRandom } from './seeded-random.ts'
import { dataEndPastCache, dataEndThroughCache, lengthOfData } from './zero-tail.ts'

describe('the end of the data of a file', () => {
  it('is the same past the page cache and through it', (t) => {
    const dir = fs.mkdtempSync(join(tmpdir(), 'ternmq-zero-'))
    t.after(() => fs.rmSync(dir, { recursive: true }))
    const random = new SeededRandom(7)
    for (let round = 0; round < 30; round++) {
      const size = 1 + below(random, 2 ** 20)
      const [position, last] = [below(random, size), below(random, size)]
      const path = join(dir, `f${round}`)
      const handle = fs.openSync(path, 'w')
      fs.writeSync(handle, Buffer.from([1]), 0, 1, last)
      fs.ftruncateSync(handle, size)
      // what was written a moment ago is seen, synced or not
      if (round % 2 === 0) fs.fdatasyncSync(handle)
      fs.closeSync(handle)
      const expected = Math.max(position, last + 1)
      assert.equal(dataEndThroughCache(path, position), expected)
      // not every file system can: then the other way is taken
      assert.equal(dataEndPastCache(path, position) ?? expected, expected)
    }
  })

  it('is nowhere in a file that is not there', () => {
    assert.throws(() => dataEndThroughCache(join(tmpdir(), 'ternmq-none/f'), 0), { code: 'ENOENT' })
    assert.equal(dataEndPastCache(join(tmpdir(), 'ternmq-none/f'), 0), undefined)
  })

  it('leaves zeros in between', () => {
    assert.equal(lengthOfData(Buffer.from([0, 1, 0, 2, 0, 0])), 4)
    assert.equal(lengthOfData(Buffer.alloc(5000)), 0)
    assert.equal(lengthOfData(Buffer.alloc(0)), 0)
  })
})
