import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  DATA_VERSION_ZERO,
  decodeDataVersion,
  encodeDataVersion,
  isSameVersion,
  nextDataVersion,
} from './data-version.ts'

describe('DataVersion', () => {
  it('differs when any of its parts differs', () => {
    const version = { counter: 1, stateVersion: 2, timestamp: 3 }
    assert.equal(isSameVersion(version, { ...version }), true)
    for (const part of ['counter', 'stateVersion', 'timestamp']) {
      assert.equal(isSameVersion(version, { ...version, [part]: 9 }), false)
    }
    assert.deepEqual(nextDataVersion(DATA_VERSION_ZERO, 5), { counter: 1, stateVersion: 0, timestamp: 5 })
  })

  it('comes back from its JSON form', () => {
    const version = { counter: 1, stateVersion: 2, timestamp: 3 }
    assert.equal(String(encodeDataVersion(version)), '{"counter":1,"stateVersion":2,"timestamp":3}')
    assert.deepEqual(decodeDataVersion(encodeDataVersion(version)), version)
    assert.deepEqual(decodeDataVersion(Buffer.from('{}')), DATA_VERSION_ZERO)
  })
})
