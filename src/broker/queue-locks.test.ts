import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LOCK_MS_MAX, QueueLocks } from './queue-locks.ts'

const queue = { topic: 'orders', queueId: 0 }
const START = 1_000_000

/** Locks, and beside them who should hold what. */
class LockModel {
  readonly #locks = new QueueLocks()
  readonly #held = new Map<number, { client: string; untilMs: number; token: number }>()

  unlock(queueId: number, client: string): void {
    this.#locks.unlock('billing', client, [{ topic: 'orders', queueId }])
    if (this.#held.get(queueId)?.client === client) this.#held.delete(queueId)
  }

  lock(queueId: number, client: string, nowMs: number): void {
    const asked = { topic: 'orders', queueId }
    const before = this.#held.get(queueId)
    const isFree = before === undefined || nowMs > before.untilMs || before.client === client
    assert.equal(this.#locks.lock('billing', client, [asked], nowMs).length === 1, isFree)
    if (!isFree) return
    const { clientId, token = 0 } = this.#locks.holder('billing', asked, nowMs) ?? {}
    assert.equal(clientId, client)
    if (before && before.client !== client) assert.ok(token > before.token)
    this.#held.set(queueId, { client, untilMs: nowMs + LOCK_MS_MAX, token })
  }
}

describe('QueueLocks', () => {
  it('gives a queue to the first that asks, at once (R13, issues #2621, #2632, #5465)', () => {
    const locks = new QueueLocks()
    assert.deepEqual(locks.lock('billing', 'c1', [queue], START), [queue])
    assert.equal(locks.holder('billing', queue, START)?.clientId, 'c1')
    assert.deepEqual(locks.lock('billing', 'c2', [queue], START), [])
    assert.deepEqual(
      locks.lock('shipping', 'c2', [queue], START),
      [queue],
      'groups have nothing to do with each other',
    )
  })

  it('lets a client renew, and nobody take over before its time is up', () => {
    const locks = new QueueLocks()
    locks.lock('billing', 'c1', [queue], START)
    locks.lock('billing', 'c1', [queue], START + 40_000)
    assert.deepEqual(locks.lock('billing', 'c2', [queue], START + LOCK_MS_MAX + 1), [])
    const lateMs = START + 40_000 + LOCK_MS_MAX + 1
    assert.equal(locks.holder('billing', queue, lateMs), undefined)
    assert.deepEqual(locks.lock('billing', 'c2', [queue], lateMs), [queue])
    assert.deepEqual(locks.lock('billing', 'c1', [queue], lateMs), [])
    assert.equal(locks.takenOver, 1)
  })

  it('takes back what its holder gives, and nothing from others', () => {
    const locks = new QueueLocks()
    locks.lock('billing', 'c1', [queue], START)
    locks.unlock('billing', 'c2', [queue])
    assert.equal(locks.holder('billing', queue, START)?.clientId, 'c1')
    locks.unlock('billing', 'c1', [queue])
    assert.deepEqual(locks.lock('billing', 'c2', [queue], START), [queue])
    assert.equal(locks.takenOver, 0)
  })

  it('forgets locks that have expired', () => {
    const locks = new QueueLocks()
    locks.lock('billing', 'c1', [queue], START)
    locks.expire(START + LOCK_MS_MAX)
    assert.equal(locks.has('billing'), true)
    locks.expire(START + LOCK_MS_MAX + 1)
    assert.equal(locks.has('billing'), false)
  })

  it('has one holder at a time, whose token is higher than those before (R13, issue #2837)', () => {
    const steps = fc.array(
      fc.record({ client: fc.nat(2), queueId: fc.nat(1), passMs: fc.nat(40_000), isUnlock: fc.boolean() }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const model = new LockModel()
        let nowMs = START
        for (const { client, isUnlock, passMs, queueId } of all) {
          nowMs += passMs
          if (isUnlock) model.unlock(queueId, `c${client}`)
          else model.lock(queueId, `c${client}`, nowMs)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
