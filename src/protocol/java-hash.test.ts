import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { javaHashCode, javaHashCodeOfUtf8 } from './java-hash.ts'

describe('javaHashCode', () => {
  it('stays within a signed 32-bit integer', () => {
    assert.equal(javaHashCode('polygenelubricants'), -2_147_483_648)
    assert.equal(javaHashCode('AaAa'), javaHashCode('BBBB'))
  })

  it('is the same from UTF-8 bytes, plain or not', () => {
    for (const text of ['', 'TagA', 'a'.repeat(500), 'tag-ü', '中文标签', 'smile 😀']) {
      const bytes = Buffer.from(`xx${text}yy`)
      assert.equal(javaHashCodeOfUtf8(bytes, 2, bytes.length - 2), javaHashCode(text), text)
    }
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme' })),
        fc.nat(3),
        (text, at) => {
          const bytes = Buffer.from(`${'-'.repeat(at)}${text}é`)
          assert.equal(javaHashCodeOfUtf8(bytes, at, bytes.length - 2, 7), javaHashCode(text, 7))
        },
      ),
    )
  })
})
