import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  consumerOrderTableJson,
  decodeConsumerOrderTable,
  decodeOrderInfo,
  encodeOrderInfo,
  type OrderInfo,
} from './consumer-order-info.ts'
import { writeFastJson } from './fastjson-writer.ts'

const info: OrderInfo = {
  ...{ popTimeMs: 1_795_223_802_317, invisibleMs: 60_000, queueOffsets: [40, 42, 43], ackedBits: 5n },
  ...{ visibleMs: new Map([[42, 1_795_223_802_999]]), consumedCounts: new Map([[40, 2]]) },
  ...{ lastConsumeMs: 1_795_223_802_318, attemptId: 'a-1' },
}

describe('consumer order info', () => {
  it('is written as RocketMQ writes it, and read back', () => {
    const text = writeFastJson(consumerOrderTableJson(new Map([['orders@billing', new Map([[2, info]])]])))
    assert.equal(
      text,
      '{"table":{"orders@billing":{2:{"a":"a-1","cm":5,"i":60000,"l":1795223802318,"o":[40,2,3],"oc":{40:2},"ot":{42:1795223802999},"popTime":1795223802317}}}}',
    )
    assert.deepEqual(decodeConsumerOrderTable(Buffer.from(text)).get('orders@billing')?.get(2), info)
    assert.deepEqual(decodeOrderInfo(encodeOrderInfo(info)), info)
  })

  it('leaves out what there is none of', () => {
    const plain = { ...info, visibleMs: new Map(), consumedCounts: new Map(), attemptId: undefined }
    assert.doesNotMatch(encodeOrderInfo(plain).toString(), /"(a|oc|ot)":/)
    assert.deepEqual(decodeOrderInfo(encodeOrderInfo(plain)), plain)
  })

  it('refuses what is none', () => {
    for (const text of ['', '[]', '{"table":{"a@b":{"x":{}}}}', '{"table":{"a@b":{0:[]}}}', '{"table":[]}']) {
      assert.throws(() => decodeConsumerOrderTable(Buffer.from(text)), { kind: 'badBody' }, text)
    }
  })
})
