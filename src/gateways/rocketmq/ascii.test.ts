import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteView } from '../../protocol/byte-view.ts'
import { ascii, digitCount, isPlain, putBytes, putDecimal, putHex64 } from './ascii.ts'

/** What a function writes at byte 3. */
function written(put: (target: ByteView) => number): string {
  const target = new ByteView()
  target.of(Buffer.alloc(64))
  return target.buffer.toString('latin1', 3, put(target))
}

const edges = [
  0,
  9,
  10,
  999_999_999,
  1_000_000_000,
  1_999_999_999,
  2 ** 31,
  2 ** 32,
  999_999_999_999_999,
].flatMap((edge) => [edge, -edge])

describe('text of a reply', () => {
  it('writes every safe integer in decimal', () => {
    const isRight = (value: number): void => {
      assert.equal(
        written(({ view }) => putDecimal(view, 3, value)),
        String(value === 0 ? 0 : value),
      )
      assert.equal(digitCount(value), String(value === 0 ? 0 : value).length)
    }
    for (const edge of edges) isRight(edge)
    fc.assert(fc.property(fc.maxSafeInteger(), isRight))
  })

  it('writes offsets in hex', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        assert.equal(
          written(({ view }) => putHex64(view, 3, value)),
          value.toString(16).toUpperCase().padStart(16, '0'),
        )
      }),
    )
  })

  it('writes constants', () => {
    assert.equal(
      written((target) => putBytes(target, 3, ascii('queueOffset'))),
      'queueOffset',
    )
  })

  it('knows text that JSON writes as it is', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0xff),
      fc.integer({ min: 0x30, max: 0x7a }),
    )
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 9 }), fc.nat(3), (bytes, at) => {
        const view = new ByteView().of(Buffer.from([...new Array(at).fill(0), ...bytes, 0, 0]))
        const isRight = bytes.every((each) => each >= 0x20 && each <= 0x7e && each !== 0x22 && each !== 0x5c)
        assert.equal(isPlain(view, at, at + bytes.length), isRight)
      }),
      { numRuns: 2000 },
    )
  })
})
