import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { TopicCounts } from './consume-counts.ts'
import { ConcurrentDeliveries, type Deliveries, OrderedDeliveries } from './deliveries.ts'
import { ProcessQueue } from './process-queue.ts'
import { messagesAt } from './test-messages.ts'

const limits = { countMax: 1000, bytesMax: 1e9, spanMax: 1e9 }

function queueOf(queueId: number): ProcessQueue {
  return new ProcessQueue({ topic: 't', brokerName: 'a', queueId }, 0, {
    limits,
    counts: new TopicCounts(),
    nowMs: 0,
  })
}

function offer(deliveries: Deliveries, queue: ProcessQueue, ...offsets: number[]): void {
  deliveries.offer(queue, queue.add(messagesAt(...offsets), (offsets.at(-1) ?? 0) + 1))
}

function takeAll(deliveries: Deliveries): number[] {
  const offsets: number[] = []
  for (let next = deliveries.take(); next; next = deliveries.take()) offsets.push(next.message.queueOffset)
  return offsets
}

describe('ConcurrentDeliveries', () => {
  it('hands out all that is there, in the order in which it came', () => {
    const deliveries = new ConcurrentDeliveries(new VirtualClock(0))
    const [one, other] = [queueOf(0), queueOf(1)]
    let ready = 0
    deliveries.onReady = () => ready++
    offer(deliveries, one, 0, 1)
    offer(deliveries, other, 10)
    assert.equal(ready, 2)
    assert.deepEqual(takeAll(deliveries), [0, 1, 10])
    assert.equal(deliveries.take(), undefined)
  })

  it('leaves out what belongs to queues that were dropped', () => {
    const deliveries = new ConcurrentDeliveries(new VirtualClock(0))
    const [one, other] = [queueOf(0), queueOf(1)]
    offer(deliveries, one, 0, 1)
    offer(deliveries, other, 10)
    one.isDropped = true
    assert.deepEqual(takeAll(deliveries), [10])
  })

  it('hands out again what was put back, after its delay', async () => {
    const clock = new VirtualClock(0)
    const deliveries = new ConcurrentDeliveries(clock)
    offer(deliveries, queueOf(0), 0)
    const cached = deliveries.take()
    assert(cached)
    deliveries.putBack(cached, 100)
    assert.equal(deliveries.take(), undefined)
    await clock.advance(100)
    assert.equal(deliveries.take(), cached)
    deliveries.putBack(cached, 100)
    deliveries.close()
    assert.equal(clock.timerCount, 0)
  })

  it('keeps its order over many messages', () => {
    const deliveries = new ConcurrentDeliveries(new VirtualClock(0))
    const queue = queueOf(0)
    const taken: number[] = []
    for (let next = 0; next < 20_000; next += 10) {
      offer(deliveries, queue, ...Array.from({ length: 10 }, (_, i) => next + i))
      for (let left = 9; left > 0; left--) taken.push(deliveries.take()?.message.queueOffset ?? -1)
    }
    taken.push(...takeAll(deliveries))
    assert.deepEqual(
      taken,
      Array.from({ length: 20_000 }, (_, i) => i),
    )
  })
})

describe('OrderedDeliveries', () => {
  it('hands out one message of a queue at a time, in order, queues side by side', () => {
    const deliveries = new OrderedDeliveries(new VirtualClock(0))
    const [one, other] = [queueOf(0), queueOf(1)]
    offer(deliveries, one, 0, 1, 2)
    offer(deliveries, other, 10, 11)
    const [first, second] = [deliveries.take(), deliveries.take()]
    assert(first && second)
    assert.deepEqual([first.message.queueOffset, second.message.queueOffset], [0, 10])
    assert.equal(deliveries.take(), undefined)
    deliveries.settle(first)
    assert.equal(deliveries.take()?.message.queueOffset, 1)
    assert.equal(deliveries.take(), undefined)
  })

  it('stays at a message that was put back, and rests for its delay', async () => {
    const clock = new VirtualClock(0)
    const deliveries = new OrderedDeliveries(clock)
    const queue = queueOf(0)
    offer(deliveries, queue, 0, 1)
    const first = deliveries.take()
    assert(first)
    deliveries.putBack(first, 1000)
    offer(deliveries, queue, 2)
    await clock.advance(999)
    assert.equal(deliveries.take(), undefined)
    await clock.advance(1)
    assert.equal(deliveries.take(), first)
  })

  it('lets go of a queue that has left, with all that waited in it', async () => {
    const clock = new VirtualClock(0)
    const deliveries = new OrderedDeliveries(clock)
    const queue = queueOf(0)
    offer(deliveries, queue, 0, 1)
    const first = deliveries.take()
    assert(first)
    deliveries.putBack(first, 3_600_000)
    queue.isDropped = true
    deliveries.forget(queue)
    assert.equal(clock.timerCount, 0)
    deliveries.resume(queue)
    assert.equal(deliveries.take(), undefined)
  })

  it('hands out nothing of a queue that is not locked, until it is again', async () => {
    const clock = new VirtualClock(0)
    const deliveries = new OrderedDeliveries(clock)
    const queue = queueOf(0)
    queue.lockedUntilMs = 100
    offer(deliveries, queue, 0, 1)
    const first = deliveries.take()
    assert(first)
    await clock.advance(100)
    deliveries.settle(first)
    assert.equal(deliveries.take(), undefined)
    queue.lockedUntilMs = 200
    let ready = 0
    deliveries.onReady = () => ready++
    deliveries.resume(queue)
    assert.equal(ready, 1)
    assert.equal(deliveries.take()?.message.queueOffset, 1)
  })

  it('forgets queues that were dropped', () => {
    const clock = new VirtualClock(0)
    const deliveries = new OrderedDeliveries(clock)
    const queue = queueOf(0)
    offer(deliveries, queue, 0, 1)
    const first = deliveries.take()
    assert(first)
    queue.isDropped = true
    deliveries.settle(first)
    deliveries.putBack(first, 10)
    assert.equal(deliveries.take(), undefined)
    assert.equal(clock.timerCount, 0)
  })
})
