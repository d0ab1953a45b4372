import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeConsumerStatus,
  decodeConsumerStatusTable,
  decodeCorrectionOffsets,
  decodeOffsetTable,
  encodeConsumerStatus,
  encodeConsumerStatusTable,
  encodeCorrectionOffsets,
  encodeOffsetListForCpp,
  encodeOffsetTable,
} from './offset-table.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

const table = new Map([
  [queue(0), 8],
  [queue(1), 0],
])

describe('OffsetTable', () => {
  it('comes back from both forms', () => {
    for (const encode of [encodeOffsetTable, encodeOffsetListForCpp]) {
      assert.deepEqual([...decodeOffsetTable(encode(table))], [...table])
    }
    assert.equal(
      String(encodeOffsetListForCpp(table)),
      '{"offsetTable":[{"brokerName":"broker-a","offset":8,"queueId":0,"topic":"T"},' +
        '{"brokerName":"broker-a","offset":0,"queueId":1,"topic":"T"}]}',
    )
    assert.equal(decodeOffsetTable(Buffer.from('{"offsetTable":{}}')).size, 0)
  })

  it('refuses an offset that means nothing', () => {
    const text = String(encodeOffsetTable(table)).replace(':8', ':-2')
    assert.throws(() => decodeOffsetTable(Buffer.from(text)), { kind: 'badBody', message: /offset -2/ })
  })

  it('tells where one client, or all of a group, are', () => {
    assert.deepEqual([...decodeConsumerStatus(encodeConsumerStatus(table))], [...table])
    const again = decodeConsumerStatusTable(encodeConsumerStatusTable(new Map([['c', table]])))
    assert.deepEqual([...(again.get('c') ?? [])], [...table])
  })

  it('tells offsets by queue id', () => {
    const offsets = new Map([[0, 7]])
    assert.equal(String(encodeCorrectionOffsets(offsets)), '{"correctionOffsets":{0:7}}')
    assert.deepEqual(decodeCorrectionOffsets(encodeCorrectionOffsets(offsets)), offsets)
  })
})
