import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  messageOffsetInfo,
  messageOrderCountInfo,
  type PopHandle,
  parsePopHandle,
  popHandleText,
  popOriginOf,
  popTopicOf,
  queueOrderCountInfo,
  startOffsetInfo,
} from './pop-handle.ts'

describe('pop handle', () => {
  it('is written as a captured client sent it, and read back', () => {
    const handle: PopHandle = {
      ...{ startOffset: 2, popTimeMs: 1_795_223_802_317, invisibleMs: 60_000, reviveQueueId: 0 },
      ...{ origin: '0', brokerName: 'broker-a', queueId: 3, queueOffset: 2 },
    }
    const text = '2 1795223802317 60000 0 0 broker-a 3 2'
    assert.equal(popHandleText(handle), text)
    const { startOffset, popTimeMs, invisibleMs, reviveQueueId } = handle
    assert.deepEqual(parsePopHandle(text), { startOffset, popTimeMs, invisibleMs, reviveQueueId })
  })

  it('refuses what is no handle', () => {
    for (const text of ['', '1', '1 2 3', 'a 2 3 4', '1 2 3 4x', '99999999999999999999 2 3 4', '1  2 3 4']) {
      assert.throws(() => parsePopHandle(text), { kind: 'invalidParameter' }, text)
    }
  })

  it('tells where messages come from, and finds the topic again', () => {
    for (const [topic, origin] of [
      ['orders', '0'],
      ['%RETRY%billing_orders', '1'],
      ['%RETRY%billing+orders', '2'],
    ] as const) {
      assert.equal(popOriginOf(topic), origin)
      assert.equal(popTopicOf('orders', 'billing', origin), topic)
    }
    assert.throws(() => popTopicOf('orders', 'billing', '3'), { kind: 'invalidParameter' })
  })

  it('writes the fields of an answer as the captured broker did', () => {
    assert.equal(startOffsetInfo('T_POP', 1, 2), '0 1 2')
    assert.equal(messageOffsetInfo('T_POP', 2, [2, 3]), '0 2 2,3')
    assert.equal(queueOrderCountInfo('T_POP', 2, 0), '0 2 0')
    assert.equal(messageOrderCountInfo('T_POP', { queueId: 2, queueOffset: 7, count: 1 }), '0 qo2%7 1')
  })
})
