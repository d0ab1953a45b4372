import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumeTimeSpans, encodeConsumeTimeSpans } from './consume-time-span.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

describe('QueueTimeSpan', () => {
  it('comes back', () => {
    const span = {
      messageQueue: queue(1),
      minTimeStamp: 1,
      maxTimeStamp: 3,
      consumeTimeStamp: 2,
      delayTime: 1,
    }
    assert.deepEqual(decodeConsumeTimeSpans(encodeConsumeTimeSpans([span])), [span])
  })
})
