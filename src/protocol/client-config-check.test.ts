import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeClientConfigCheck, encodeClientConfigCheck } from './client-config-check.ts'

describe('ClientConfigCheck', () => {
  it('comes back with and without a namespace', () => {
    const subscriptionData = {
      topic: 'T',
      subString: 'a > 5',
      tagsSet: [],
      codeSet: [],
      subVersion: 1n,
      expressionType: 'SQL92',
      classFilterMode: false,
    }
    const check = { clientId: 'c', group: 'G', subscriptionData }
    for (const given of [check, { ...check, namespace: 'n' }]) {
      assert.deepEqual(decodeClientConfigCheck(encodeClientConfigCheck(given)), given)
    }
  })
})
