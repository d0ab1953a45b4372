import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodePopAck, decodePopCheckPoint, encodePopAck, encodePopCheckPoint } from './pop-check-point.ts'

const place = { group: 'billing', topic: 'orders', queueId: 2, startOffset: 40, popTimeMs: 1_795_223_802_317 }

describe('pop check point', () => {
  it('has the body of a RocketMQ check point, and is read back', () => {
    const point = { ...place, invisibleMs: 60_000, queueOffsets: [40, 42] }
    const body = encodePopCheckPoint(point, 'broker-a')
    assert.equal(
      body.toString(),
      '{"bm":0,"bn":"broker-a","c":"billing","d":[0,2],"it":60000,"n":2,"pt":1795223802317,"q":2,"ro":0,"so":40,"t":"orders"}',
    )
    assert.deepEqual(decodePopCheckPoint(body), point)
  })

  it('is read where only the number of messages is given', () => {
    const body = '{"c":"billing","it":60000,"n":3,"pt":1795223802317,"q":2,"so":40,"t":"orders"}'
    assert.deepEqual(decodePopCheckPoint(Buffer.from(body)).queueOffsets, [40, 41, 42])
  })

  it('writes one acknowledgement, and several, as RocketMQ does', () => {
    for (const queueOffsets of [[41], [40, 42]]) {
      const body = encodePopAck({ ...place, queueOffsets }, 'broker-a')
      assert.deepEqual(decodePopAck(body), { ...place, queueOffsets })
    }
    assert.equal(
      encodePopAck({ ...place, queueOffsets: [41] }, 'broker-a').toString(),
      '{"ao":41,"bn":"broker-a","c":"billing","pt":1795223802317,"q":2,"so":40,"t":"orders"}',
    )
  })

  it('refuses bodies that are none', () => {
    for (const body of ['', '{}', '[]', '{"c":1}', '{"so":"x","c":"g","t":"t","pt":1,"it":1}']) {
      assert.throws(() => decodePopCheckPoint(Buffer.from(body)), { kind: 'badBody' }, body)
      assert.throws(() => decodePopAck(Buffer.from(body)), { kind: 'badBody' }, body)
    }
  })
})
