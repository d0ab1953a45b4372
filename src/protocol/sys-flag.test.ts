import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compressionOf } from './sys-flag.ts'

describe('compressionOf', () => {
  it('knows how Java and Go say that a body is compressed', () => {
    assert.equal(compressionOf(0), 'none')
    assert.equal(compressionOf(0x300), 'none')
    assert.equal(compressionOf(0x1), 'zlib')
    assert.equal(compressionOf(0x301), 'zlib')
    assert.equal(compressionOf(0x101), 'lz4')
    assert.equal(compressionOf(0x201), 'zstd')
    assert.equal(compressionOf(0x701), undefined)
  })
})
