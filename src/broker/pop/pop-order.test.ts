import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PopOrder } from './pop-order.ts'

const queue = { group: 'billing', topic: 'orders', queueId: 2 }
const [START, INVISIBLE] = [1_000_000, 10_000]

function taken(queueOffsets: number[], popTimeMs = START, attemptId?: string) {
  return { popTimeMs, invisibleMs: INVISIBLE, queueOffsets, attemptId }
}

describe('PopOrder', () => {
  it('blocks a queue until all is acknowledged, and tells where the group goes on', () => {
    const order = new PopOrder()
    assert.equal(order.isBlocked(queue, undefined, START), false)
    order.take(queue, taken([10, 12, 13]), START)
    assert.equal(order.isBlocked(queue, undefined, START + 1), true)
    assert.equal(order.isBlocked({ ...queue, queueId: 3 }, undefined, START + 1), false)
    assert.equal(order.ack(queue, 12, START), 10, 'the first is still open')
    assert.equal(order.ack(queue, 10, START), 13)
    assert.equal(order.isBlocked(queue, undefined, START + 1), true)
    assert.equal(order.ack(queue, 13, START), 14)
    assert.equal(order.isBlocked(queue, undefined, START + 1), false)
    assert.equal(order.freeMs(queue), undefined)
  })

  it('lets others pop when the time is up, and counts what they get again', () => {
    const order = new PopOrder()
    assert.deepEqual([...order.take(queue, taken([10, 11]), START)], [])
    assert.equal(order.isBlocked(queue, undefined, START + INVISIBLE - 1), true)
    assert.equal(order.isBlocked(queue, undefined, START + INVISIBLE), false)
    const second = order.take(queue, taken([10, 11, 12], START + INVISIBLE), START + INVISIBLE)
    assert.deepEqual(
      [...second],
      [
        [10, 1],
        [11, 1],
      ],
    )
    const third = order.take(queue, taken([11, 12], START + 2 * INVISIBLE), START + 2 * INVISIBLE)
    assert.deepEqual(
      [...third],
      [
        [11, 2],
        [12, 1],
      ],
    )
  })

  it('fences the handles of an earlier pop, and refuses offsets that were not popped', () => {
    const order = new PopOrder()
    order.take(queue, taken([10]), START)
    order.take(queue, taken([10], START + INVISIBLE), START + INVISIBLE)
    assert.equal(order.ack(queue, 10, START), 'stale')
    order.changeVisible(queue, 10, START, START + 10 * INVISIBLE)
    assert.equal(order.freeMs(queue), START + 2 * INVISIBLE)
    assert.equal(order.ack(queue, 11, START + INVISIBLE), 'unknown')
    assert.equal(order.ack(queue, 10, START + INVISIBLE), 11)
    assert.equal(order.ack({ ...queue, topic: 'never popped' }, 5, START), 6)
  })

  it('gives a repeated pop its messages again without counting', () => {
    const order = new PopOrder()
    order.take(queue, taken([10], START, 'a-1'), START)
    assert.equal(order.isBlocked(queue, 'a-2', START + 1), true)
    assert.equal(order.isBlocked(queue, 'a-1', START + 1), false)
    assert.deepEqual([...order.take(queue, taken([10], START + 1, 'a-1'), START + 1)], [])
  })

  it('holds a message longer, or shorter', () => {
    const order = new PopOrder()
    order.take(queue, taken([10, 11]), START)
    order.changeVisible(queue, 11, START, START + 2 * INVISIBLE)
    assert.equal(order.freeMs(queue), START + 2 * INVISIBLE)
    order.ack(queue, 11, START)
    assert.equal(order.freeMs(queue), START + INVISIBLE)
    order.changeVisible(queue, 10, START, START + 1)
    assert.equal(order.isBlocked(queue, undefined, START + 1), false)
  })

  it('is the same after its journal was replayed, and after its file was read', () => {
    const order = new PopOrder()
    const lines: string[] = []
    order.onChange = (line) => lines.push(line)
    order.take(queue, taken([10, 11], START, 'attempt 1'), START)
    order.ack(queue, 10, START)
    order.take({ ...queue, queueId: 0 }, taken([5]), START)
    order.clear({ ...queue, queueId: 0 })
    order.changeVisible(queue, 11, START, START + 5)
    const replayed = new PopOrder()
    for (const line of lines) replayed.replay(line)
    const read = new PopOrder()
    read.load(order.encode())
    for (const each of [replayed, read]) {
      assert.deepEqual(each.table.get('orders@billing')?.get(2), order.table.get('orders@billing')?.get(2))
      assert.equal(each.table.get('orders@billing')?.has(0) ?? false, false)
    }
  })

  it('forgets queues that are gone, and those that nobody pops from', () => {
    const order = new PopOrder()
    order.take(queue, taken([10]), START)
    order.take({ ...queue, topic: 'gone' }, taken([10]), START)
    order.clean(({ topic }) => topic !== 'gone', START + 1)
    assert.deepEqual([...order.table.keys()], ['orders@billing'])
    order.clean(() => true, START + 24 * 3_600_000 + 1)
    assert.deepEqual([...order.table.keys()], [])
  })
})
