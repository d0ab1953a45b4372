import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { bodyCrc, crc32Of } from './crc32.ts'

describe('crc32Of', () => {
  it('agrees with zlib at every length and place', () => {
    const bytes = Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 167 + 13) & 0xff))
    for (let length = 0; length <= 800; length++) {
      const at = length % 9
      assert.equal(
        crc32Of(bytes, at, at + length),
        crc32(bytes.subarray(at, at + length)),
        `length ${length}`,
      )
    }
    assert.equal(crc32Of(bytes), crc32(bytes))
  })

  it('loses its sign bit as the CRC of a body', () => {
    const bytes = Buffer.from('123456789')
    assert.equal(crc32Of(bytes), 0xcbf43926)
    assert.equal(bodyCrc(bytes), 0x4bf43926)
    assert.equal(bodyCrc(Buffer.alloc(0)), 0)
  })
})
