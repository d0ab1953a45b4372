import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeLockBatch, decodeLockedQueues, encodeLockBatch, encodeLockedQueues } from './lock-batch.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

describe('LockBatch', () => {
  it('comes back, and so does its answer', () => {
    const batch = { consumerGroup: 'G', clientId: 'c', onlyThisBroker: true, queues: [queue(0), queue(1)] }
    assert.deepEqual(decodeLockBatch(encodeLockBatch(batch)), batch)
    const bytes = encodeLockedQueues([queue(1)])
    assert.equal(String(bytes), '{"lockOKMQSet":[{"brokerName":"broker-a","queueId":1,"topic":"T"}]}')
    assert.deepEqual(decodeLockedQueues(bytes), [queue(1)])
  })

  it('reads the body of Go, which has another order and fewer fields', () => {
    const text =
      '{"consumerGroup":"G","clientId":"c","mqSet":[{"topic":"T","brokerName":"broker-a","queueId":0}]}'
    const expected = { consumerGroup: 'G', clientId: 'c', onlyThisBroker: false, queues: [queue(0)] }
    assert.deepEqual(decodeLockBatch(Buffer.from(text)), expected)
    assert.throws(() => decodeLockBatch(Buffer.from('{"clientId":"c"}')), { kind: 'badBody' })
  })
})
