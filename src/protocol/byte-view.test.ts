import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteView, copyBytes } from './byte-view.ts'

describe('ByteView', () => {
  it('looks at the part of its memory that a buffer is', () => {
    const view = new ByteView()
    const whole = Buffer.from('0123456789')
    assert.equal(view.of(whole.subarray(3)).getUint8(0), 0x33)
    assert.equal(view.of(whole).getUint8(0), 0x30)
    assert.throws(() => view.of(whole.subarray(0, 4)).getInt32(1), RangeError)
  })

  it('copies any range, short or long, and nothing around it', () => {
    const bytes = Buffer.from(Array.from({ length: 600 }, (_, index) => index & 0xff))
    const source = new ByteView()
    source.of(bytes.subarray(1))
    for (let length = 0; length <= 400; length += length < 20 ? 1 : 13) {
      const target = new ByteView()
      target.of(Buffer.alloc(500, 0xee).subarray(3))
      const from = length % 7
      assert.equal(copyBytes(target, 5, source, from, from + length), 5 + length)
      const expected = Buffer.alloc(497, 0xee)
      bytes.copy(expected, 5, from + 1, from + 1 + length)
      assert.deepEqual(target.buffer, expected, `length ${length}`)
    }
  })
})
