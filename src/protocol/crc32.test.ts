import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { ByteView } from './byte-view.ts'
import { bodyCrc, copyWithCrc, crc32Of } from './crc32.ts'

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

  it('is taken while bytes are copied', () => {
    const bytes = Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 31 + 7) & 0xff))
    const [source, target] = [new ByteView(), new ByteView()]
    source.of(bytes)
    for (let length = 0; length <= 800; length++) {
      const [from, at] = [length % 7, length % 5]
      const copy = Buffer.alloc(850)
      target.of(copy)
      const end = from + length
      assert.equal(copyWithCrc(target, at, source, from, end), crc32(bytes.subarray(from, end)))
      const expected = Buffer.alloc(850)
      bytes.copy(expected, at, from, end)
      assert.deepEqual(copy, expected, `length ${length}`)
    }
  })

  it('loses its sign bit as the CRC of a body', () => {
    const bytes = Buffer.from('123456789')
    assert.equal(crc32Of(bytes), 0xcbf43926)
    assert.equal(bodyCrc(bytes), 0x4bf43926)
    assert.equal(bodyCrc(Buffer.alloc(0)), 0)
  })
})
