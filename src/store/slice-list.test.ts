import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SliceList } from './slice-list.ts'

describe('SliceList', () => {
  const buffer = Buffer.from('0123456789')

  it('joins ranges that follow each other', () => {
    const slices = new SliceList()
    slices.add(buffer, 0, 2)
    slices.add(buffer, 2, 5)
    slices.add(buffer, 7, 8)
    assert.deepEqual([slices.count, slices.bytes], [2, 6])
    const target = Buffer.alloc(8, '-')
    assert.equal(slices.copyTo(target, 1), 7)
    assert.equal(target.toString(), '-012347-')
  })

  it('takes back what was added last, also within a joined range', () => {
    const slices = new SliceList()
    slices.add(buffer, 0, 2)
    const [count, end, bytes] = [slices.count, slices.ends[0] ?? 0, slices.bytes]
    slices.add(buffer, 2, 5)
    slices.add(buffer, 7, 8)
    slices.cutTo(count, end, bytes)
    assert.deepEqual([slices.count, slices.bytes, slices.ends[0]], [1, 2, 2])
  })
})
