import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBatchAcks, encodeBatchAcks } from './batch-ack.ts'

const ack = {
  ...{
    consumerGroup: 'billing',
    topic: 'orders',
    origin: '1',
    startOffset: 40,
    queueId: 2,
    reviveQueueId: 0,
  },
  ...{ popTimeMs: 1_795_223_802_317, invisibleMs: 60_000, offsetDiffs: [0, 3, 8, 17] },
}

describe('batch ack', () => {
  it('is read as it is written, its offsets as the bytes of a Java BitSet', () => {
    const body = encodeBatchAcks('broker-a', [ack])
    assert.match(body.toString(), /"b":"CQEC"/)
    assert.deepEqual(decodeBatchAcks(body), [ack])
    assert.deepEqual(decodeBatchAcks(encodeBatchAcks('broker-a', [{ ...ack, offsetDiffs: [] }])), [
      { ...ack, offsetDiffs: [] },
    ])
  })

  it('has long names too', () => {
    const body = `{"acks":[{"consumerGroup":"billing","topic":"orders","retry":"1","startOffset":40,"queueId":2,
      "reviveQueueId":0,"popTime":1795223802317,"invisibleTime":60000,"bitSet":"CQEC"}]}`
    assert.deepEqual(decodeBatchAcks(Buffer.from(body)), [ack])
  })

  it('refuses bodies that lack something, and bit sets beyond reason', () => {
    assert.throws(() => decodeBatchAcks(Buffer.from('{"acks":[{"c":"billing"}]}')), { kind: 'badBody' })
    assert.throws(() => decodeBatchAcks(Buffer.from('[]')), { kind: 'badBody' })
    const large = encodeBatchAcks('b', [{ ...ack, offsetDiffs: [100_000] }])
    assert.throws(() => decodeBatchAcks(large), { kind: 'badBody' })
    assert.deepEqual(decodeBatchAcks(Buffer.from('{}')), [])
  })
})
