import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { TopicCounts } from './consume-counts.ts'
import { type CachedMessage, type FlowLimits, ProcessQueue } from './process-queue.ts'
import { messagesAt } from './test-messages.ts'

const queue = { topic: 't', brokerName: 'a', queueId: 0 }
const limits = { countMax: 10, bytesMax: 1e9, spanMax: 1e9 }

function queueOf(changes: Partial<FlowLimits> = {}): ProcessQueue {
  return new ProcessQueue(queue, 5, {
    limits: { ...limits, ...changes },
    counts: new TopicCounts(),
    nowMs: 1000,
  })
}

describe('ProcessQueue', () => {
  it('commits the next pull while it holds nothing, else the first that is not settled', () => {
    const held = queueOf()
    assert.equal(held.commitOffset, 5)
    const [first, second, third] = held.add(messagesAt(5, 6, 9), 12)
    assert(first && second && third)
    assert.equal(held.commitOffset, 5)
    held.settle(second)
    assert.equal(held.commitOffset, 5)
    held.settle(first)
    assert.equal(held.commitOffset, 9)
    held.settle(third)
    assert.equal(held.commitOffset, 12)
    held.settle(third)
    assert.equal(held.count, 0)
    held.add([], 20)
    assert.equal(held.commitOffset, 20)
  })

  it('never commits past a message that is not settled, in whatever order they are', () => {
    const random = new SeededRandom(1)
    const held = queueOf({ countMax: 1e9 })
    const open = new Map<number, CachedMessage>()
    let next = 5
    const add = (): void => {
      const offsets = Array.from({ length: random.u32() % 20 }, () => next++)
      for (const cached of held.add(messagesAt(...offsets), next))
        open.set(cached.message.queueOffset, cached)
    }
    const settleOne = (): void => {
      const all = [...open.values()]
      const cached = all[random.u32() % Math.max(all.length, 1)]
      if (!cached) return
      held.settle(cached)
      open.delete(cached.message.queueOffset)
    }
    let before = 0
    for (let step = 0; step < 5000; step++) {
      if (random.u32() % 20 === 0) add()
      else settleOne()
      assert.equal(held.commitOffset, open.size === 0 ? next : Math.min(...open.keys()))
      assert.equal(held.count, open.size)
      assert(held.commitOffset >= before)
      before = held.commitOffset
    }
  })

  it('is full by count, by bytes and by span, and tells when it no longer is', () => {
    const cases: [Partial<FlowLimits>, number[], number][] = [
      [{ countMax: 3 }, [5, 6, 7], 1],
      [
        { bytesMax: messagesAt(5).reduce((sum, { storeSizeBytes }) => sum + storeSizeBytes, 0) * 3 },
        [5, 6, 7],
        1,
      ],
      [{ spanMax: 50 }, [5, 60], 1],
    ]
    for (const [changes, offsets] of cases) {
      const held = queueOf(changes)
      let told = 0
      held.onRoom = () => told++
      const cached = held.add(messagesAt(...offsets), (offsets.at(-1) ?? 0) + 1)
      assert(held.isFull)
      const [first] = cached
      assert(first)
      held.settle(first)
      assert(!held.isFull, JSON.stringify(changes))
      assert.equal(told, 1)
    }
  })
})
