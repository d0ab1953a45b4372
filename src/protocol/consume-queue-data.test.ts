import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumeQueueRange, encodeConsumeQueueRange } from './consume-queue-data.ts'
import { tagSubscription } from './subscription-data.ts'
import { parseTagExpression } from './tag-expression.ts'

describe('ConsumeQueueRange', () => {
  it('comes back with and without what is optional', () => {
    const entry = { physicOffset: 572, physicSize: 268, tagsCode: -2_147_483_649n, eval: true }
    const range = { queueData: [entry], minQueueIndex: 0, maxQueueIndex: 7 }
    const full = {
      ...range,
      queueData: [{ ...entry, extendDataJson: '{}', bitMap: 'b', msg: 'm' }],
      subscriptionData: tagSubscription('T', parseTagExpression('TagA'), 1n),
      filterData: 'f',
    }
    for (const given of [range, full]) {
      assert.deepEqual(decodeConsumeQueueRange(encodeConsumeQueueRange(given)), given)
    }
  })
})
