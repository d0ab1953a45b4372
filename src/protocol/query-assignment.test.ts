import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeAssignmentQuery,
  decodeAssignments,
  encodeAssignmentQuery,
  encodeAssignments,
} from './query-assignment.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

describe('QUERY_ASSIGNMENT', () => {
  it('comes back, and so does its answer', () => {
    const query = {
      topic: 'T',
      consumerGroup: 'G',
      clientId: 'c',
      strategyName: 'AVG',
      messageModel: 'CLUSTERING',
    } as const
    assert.deepEqual(decodeAssignmentQuery(encodeAssignmentQuery(query)), query)
    const assignments = [
      { messageQueue: queue(-1), mode: 'POP' },
      { messageQueue: queue(0), mode: 'PULL', attachments: new Map([['k', 'v']]) },
    ] as const
    assert.deepEqual(decodeAssignments(encodeAssignments(assignments)), assignments)
  })
})
