import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { JsonFields } from './json-fields.ts'
import { readSubscriptionData, subscriptionDataJson, tagSubscription } from './subscription-data.ts'
import { parseTagExpression } from './tag-expression.ts'

describe('SubscriptionData', () => {
  it('carries the tags and hashes of its expression', () => {
    const subscription = tagSubscription('T', parseTagExpression('TagA||TagB'), 5n)
    assert.deepEqual(subscription.codeSet, [2_598_919, 2_598_920])
    assert.deepEqual(
      readSubscriptionData(new JsonFields(subscriptionDataJson(subscription), 's')),
      subscription,
    )
  })

  it('is for all messages when it says no more than its topic', () => {
    const all = tagSubscription('T', parseTagExpression('*'), 0n)
    assert.deepEqual(readSubscriptionData(new JsonFields({ topic: 'T' }, 's')), all)
  })
})
