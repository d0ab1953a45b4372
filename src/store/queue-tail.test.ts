import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QueueTail } from './queue-tail.ts'

/** A ring that has got 300 entries from `from` on, and has given up older ones now and then. */
function filled(from: number): QueueTail {
  const tail = new QueueTail()
  tail.clear(from)
  for (let end = from; end < from + 300; end++) {
    if (end - tail.from === tail.capacity) tail.grow(end)
    tail.put(end, 1000 + end, 100, 7)
    if (end % 23 === 0) tail.from = Math.max(tail.from, end - 5)
  }
  return tail
}

describe('QueueTail', () => {
  it('keeps its entries when it grows, wherever in the ring they stand', () => {
    for (let from = 0; from < 70; from++) {
      const tail = filled(from)
      for (let index = tail.from; index < from + 300; index++)
        assert.equal(tail.recordAt(index), 1000 + index)
    }
  })
})
