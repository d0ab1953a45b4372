import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeTraceRecords, encodeTraceRecord, type TraceRecord } from './trace-record.ts'

const records: readonly TraceRecord[] = [
  {
    ...{
      kind: 'Pub',
      timeMs: 1_795_000_000_000,
      region: 'DefaultRegion',
      group: 'shop',
      topic: 'orders',
      messageId: 'ID1',
    },
    ...{
      tags: 'A',
      keys: 'k1 k2',
      storeHost: '127.0.0.1:10911',
      bodyBytes: 5,
      costMs: 3,
      messageType: 'delay',
    },
    ...{ offsetMessageId: 'OFFSET', isSuccess: false },
  },
  {
    ...{ kind: 'SubBefore', timeMs: 1_795_000_000_001, region: 'DefaultRegion', group: 'billing' },
    ...{ requestId: 'R', messageId: 'ID1', retryTimes: 2, keys: 'k1' },
  },
  {
    ...{ kind: 'SubAfter', requestId: 'R', messageId: 'ID1', costMs: 7, isSuccess: true, keys: 'k1' },
    ...{ contextCode: 0, timeMs: 1_795_000_000_002, group: 'billing' },
  },
]

describe('trace records', () => {
  it('are read as they were written, several in a body', () => {
    assert.deepEqual(decodeTraceRecords(records.map(encodeTraceRecord).join('')), records)
  })

  it('leave out what is cut short at any place, and kinds that are not known', () => {
    const body = records.map(encodeTraceRecord).join('')
    for (let end = 0; end < body.length; end++) {
      const read = decodeTraceRecords(body.slice(0, end))
      assert.ok(read.length <= records.length)
    }
    assert.deepEqual(decodeTraceRecords('Recall\u00011\u0001r\u0002'), [])
    assert.deepEqual(decodeTraceRecords(''), [])
  })
})
