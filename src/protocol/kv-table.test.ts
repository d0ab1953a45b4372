import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeKvTable, encodeKvTable } from './kv-table.ts'

describe('KV table', () => {
  it('comes back', () => {
    const table = new Map([['putTps', '0.0 0.3 0.1']])
    assert.equal(String(encodeKvTable(table)), '{"table":{"putTps":"0.0 0.3 0.1"}}')
    assert.deepEqual(decodeKvTable(encodeKvTable(table)), table)
    assert.throws(() => decodeKvTable(Buffer.from('{"table":{"a":1}}')), {
      message: 'KV table.table.a is not a string',
    })
  })
})
