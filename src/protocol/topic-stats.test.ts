import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeTopicStats, encodeTopicStats } from './topic-stats.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

describe('TopicStats', () => {
  it('is written with queues as keys and comes back', () => {
    const offset = { minOffset: 0, maxOffset: 8, lastUpdateTimestamp: 5 }
    const stats = { offsetTable: new Map([[queue(0), offset]]), topicPutTps: 0.5 }
    const bytes = encodeTopicStats(stats)
    assert.equal(
      String(bytes),
      '{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:' +
        '{"lastUpdateTimestamp":5,"maxOffset":8,"minOffset":0}},"topicPutTps":0.5}',
    )
    assert.deepEqual([...decodeTopicStats(bytes).offsetTable], [...stats.offsetTable])
  })
})
