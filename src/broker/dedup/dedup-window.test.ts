import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dedupHash } from './dedup-scope.ts'
import { DedupWindow } from './dedup-window.ts'

describe('DedupWindow', () => {
  it('forgets segments that are older than the window, and keeps keys that were used again', () => {
    const window = new DedupWindow(0)
    window.add(1, 10, 1000)
    window.add(2, 20, 1000)
    window.close(30, 1000)
    window.add(1, 40, 2000)
    assert.deepEqual(
      window.evict(1500, 100).map(({ end }) => end),
      [30],
    )
    assert.deepEqual([window.find(1), window.find(2), window.count], [40, undefined, 1])
  })

  it('forgets the oldest where there are too many', () => {
    const window = new DedupWindow(0)
    for (let i = 0; i < 100; i++) {
      window.add(i, i, i)
      if (i % 10 === 9) window.close(i + 1, i)
    }
    window.evict(0, 55)
    assert.deepEqual([window.count, window.find(49), window.find(50)], [50, undefined, 50])
  })

  it('goes on where an earlier run has stopped', () => {
    const window = new DedupWindow(0)
    window.restore({ from: 0, end: 50, lastMs: 7, hashes: [1, 2], offsets: [3, 4] })
    assert.deepEqual([window.find(2), window.open.from], [4, 50])
    window.add(2, 60, 9)
    assert.deepEqual([window.find(2), window.close(70, 9).from], [60, 50])
  })
})

describe('dedupHash', () => {
  it('is a whole number within 53 bits, and tells 200,000 keys apart', () => {
    const hashes = new Set<number>()
    for (let i = 0; i < 200_000; i++) {
      const hash = dedupHash(`orders\u0000\u0000order-${i}`)
      assert.ok(Number.isSafeInteger(hash) && hash >= 0)
      hashes.add(hash)
    }
    assert.equal(hashes.size, 200_000)
  })
})
