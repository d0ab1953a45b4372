import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { selectorOf } from './queue-choice.ts'

const message = { topic: 't', body: 'x' }
const queues = [0, 1, 2, 3, 4].map((queueId) => ({ topic: 't', brokerName: 'a', queueId }))

describe('selectorOf', () => {
  it('leaves the choice to the client when none is made', () => {
    assert.equal(selectorOf({}), undefined)
  })

  it("takes the queue of Java's SelectMessageQueueByHash, also for negative hashes", () => {
    const queueOf = (hashKey: string) => selectorOf({ hashKey })?.(queues, message).queueId
    assert.equal(queueOf('a'), 97 % 5)
    // "polygenelubricants" hashes to -2^31, whose magnitude Java's abs cannot hold: it takes it modulo first
    assert.equal(queueOf('polygenelubricants'), 3)
    assert.equal(queueOf(''), 0)
  })

  it('goes round with an index', () => {
    assert.deepEqual(
      [0, 4, 5, 12].map((queueIndex) => selectorOf({ queueIndex })?.(queues, message).queueId),
      [0, 4, 0, 2],
    )
    assert.throws(() => selectorOf({ queueIndex: -1 }), { code: 'invalidParameter' })
    assert.throws(() => selectorOf({ queueIndex: 1.5 }), { code: 'invalidParameter' })
  })

  it('says so when there is no queue', () => {
    assert.throws(() => selectorOf({ hashKey: 'a' })?.([], message), { code: 'topicNotExist' })
    assert.throws(() => selectorOf({ queueIndex: 1 })?.([], message), { code: 'topicNotExist' })
  })
})
