import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeMessage, encodeMessage } from './message-codec.ts'
import { RecordScan } from './record-scan.ts'
import { rewriteRecord } from './rewrite-record.ts'

const message = {
  ...{
    topic: '%RETRY%billing_orders',
    queueId: 0,
    queueOffset: 7,
    commitLogOffset: 1234,
    sysFlag: 1,
    flag: 9,
  },
  ...{ bornTimestamp: 1_795_223_802_317, bornHost: { ip: '10.0.0.1', port: 4000 } },
  ...{ storeTimestamp: 1_795_223_802_400, storeHost: { ip: '2001:db8::1', port: 10_911 } },
  ...{ reconsumeTimes: 2, preparedTransactionOffset: 55, body: Buffer.from('body') },
}

describe('rewriteRecord', () => {
  for (const properties of ['TAGS\u0001A\u0002', 'TAGS\u0001A', '']) {
    it(`gives a record another topic and a property behind ${JSON.stringify(properties)}`, () => {
      const record = encodeMessage({ ...message, propertiesBytes: Buffer.from(properties) })
      const scan = new RecordScan()
      // in the middle of others, as pops find it
      const source = Buffer.concat([Buffer.alloc(5), record, Buffer.alloc(3)])
      assert.equal(scan.read(source, 5, 5 + record.length, 1234), 'message')
      const rewritten = decodeMessage(rewriteRecord(scan, Buffer.from('orders'), 'POP_CK\u00011 2 3\u0002'))
      const before = decodeMessage(record)
      assert.deepEqual(
        { ...rewritten, propertiesBytes: undefined, properties: undefined, storeSizeBytes: 0, body: '' },
        {
          ...before,
          topic: 'orders',
          propertiesBytes: undefined,
          properties: undefined,
          storeSizeBytes: 0,
          body: '',
        },
      )
      assert.equal(rewritten.body.toString(), 'body')
      assert.deepEqual(rewritten.properties, new Map(before.properties).set('POP_CK', '1 2 3'))
    })
  }
})
