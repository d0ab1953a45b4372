import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { JsonFields } from './json-fields.ts'
import {
  compareMessageQueues,
  messageQueueJson,
  messageQueueKey,
  messageQueueText,
  readMessageQueue,
} from './message-queue.ts'

const queue = (topic: string, brokerName: string, queueId: number) => ({ topic, brokerName, queueId })

describe('MessageQueue', () => {
  it('is ordered by topic, broker name and number', () => {
    const ordered = [
      queue('A', 'z', 9),
      queue('B', 'a', 2),
      queue('B', 'a', 10),
      queue('B', 'b', 0),
      queue('a', 'a', 0),
    ]
    assert.deepEqual([...ordered].reverse().sort(compareMessageQueues), ordered)
    assert.equal(new Set(ordered.map(messageQueueKey)).size, ordered.length)
  })

  it('prints itself as the Java class does', () => {
    assert.equal(
      messageQueueText(queue('T', 'broker-a', 3)),
      'MessageQueue [topic=T, brokerName=broker-a, queueId=3]',
    )
  })

  it('comes back from its JSON value', () => {
    assert.deepEqual(
      readMessageQueue(new JsonFields(messageQueueJson(queue('T', 'b', 1)), 'queue')),
      queue('T', 'b', 1),
    )
  })
})
