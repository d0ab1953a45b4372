import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumeResult, encodeConsumeResult } from './consume-result.ts'

describe('ConsumeMessageDirectlyResult', () => {
  it('comes back with and without a remark', () => {
    const result = { order: false, autoCommit: true, consumeResult: 'CR_LATER', spentTimeMills: 3 } as const
    for (const given of [result, { ...result, remark: 'tired' }]) {
      assert.deepEqual(decodeConsumeResult(encodeConsumeResult(given)), given)
    }
    assert.throws(() => decodeConsumeResult(Buffer.from('{}')), {
      message: 'consume result.consumeResult is missing',
    })
  })
})
