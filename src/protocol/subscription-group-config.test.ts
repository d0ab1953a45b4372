import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupList,
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupList,
  encodeSubscriptionGroupTable,
  subscriptionGroupConfig,
} from './subscription-group-config.ts'

const config = subscriptionGroupConfig('CG', {
  consumeEnable: false,
  retryMaxTimes: 3,
  groupRetryPolicy: {
    type: 'EXPONENTIAL',
    exponentialRetryPolicy: { initial: 5000, max: 7_200_000, multiplier: 2 },
  },
  attributes: new Map([['priority.factor', '1']]),
})

describe('SubscriptionGroupConfig', () => {
  it('comes back from JSON, alone, in lists and in tables', () => {
    const again = decodeSubscriptionGroupConfig(encodeSubscriptionGroupConfig(config))
    assert.deepEqual(encodeSubscriptionGroupConfig(again), encodeSubscriptionGroupConfig(config))
    assert.deepEqual({ ...again, groupRetryPolicy: config.groupRetryPolicy }, config)
    const defaults = subscriptionGroupConfig('D')
    assert.deepEqual(decodeSubscriptionGroupList(encodeSubscriptionGroupList([defaults])), [defaults])
    const table = {
      subscriptionGroupTable: new Map([['D', defaults]]),
      forbiddenTable: new Map([['D', new Map([['T', 1]])]]),
      dataVersion: { counter: 1, stateVersion: 2, timestamp: 3 },
    }
    assert.deepEqual(decodeSubscriptionGroupTable(encodeSubscriptionGroupTable(table)), table)
  })

  it('takes the defaults of RocketMQ', () => {
    assert.deepEqual(
      decodeSubscriptionGroupConfig(Buffer.from('{"groupName":"D"}')),
      subscriptionGroupConfig('D'),
    )
  })
})
