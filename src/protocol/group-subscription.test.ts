import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeGroupForbidden,
  decodeGroupSubscription,
  encodeGroupForbidden,
  encodeGroupSubscription,
} from './group-subscription.ts'
import { tagSubscription } from './subscription-data.ts'
import { parseTagExpression } from './tag-expression.ts'

describe('GroupSubscription', () => {
  it('comes back for a group that is online and one that is not', () => {
    const offline = { group: 'G', topic: 'T' }
    const online = { ...offline, subscriptionData: tagSubscription('T', parseTagExpression('TagA'), 1n) }
    for (const given of [offline, online]) {
      assert.deepEqual(decodeGroupSubscription(encodeGroupSubscription(given)), given)
    }
  })
})

describe('GroupForbidden', () => {
  it('comes back', () => {
    const forbidden = { group: 'G', topic: 'T', readable: false }
    assert.deepEqual(decodeGroupForbidden(encodeGroupForbidden(forbidden)), forbidden)
  })
})
