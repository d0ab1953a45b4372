import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { unescapeJson } from './json-unescape.ts'

function unescaped(inside: string): Buffer {
  const source = Buffer.from(inside)
  const target = Buffer.alloc(source.length)
  return target.subarray(0, unescapeJson(source, 0, source.length, target, 0))
}

describe('unescapeJson', () => {
  it('agrees with JSON.parse', () => {
    for (const text of ['', 'plain', 'KEYS\u0001a b\u0002', '"\\/\b\f\n\r\t', 'é中文', '😀 and \u{10ffff}']) {
      const escaped = JSON.stringify(text).slice(1, -1)
      assert.equal(unescaped(escaped).toString(), text)
      const allEscaped = [...Array(text.length).keys()].map(
        (i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
      )
      assert.equal(unescaped(allEscaped.join('')).toString(), text)
    }
    const pieces = fc.array(
      fc.constantFrom('a', 'bcd', '\u0001', '\u0002', '\u000b', '"', '\\', '\\u0001', 'é', '😀'),
    )
    fc.assert(
      fc.property(pieces, (texts) => {
        const text = texts.join('')
        assert.equal(unescaped(JSON.stringify(text).slice(1, -1)).toString(), text)
      }),
    )
  })

  it('replaces half a surrogate pair, as UTF-8 encoders do', () => {
    for (const lone of ['\\ud83d', '\\ude00', '\\ud83dx', '\\ud83d\\u0041']) {
      assert.equal(unescaped(lone).toString(), Buffer.from(JSON.parse(`"${lone}"`)).toString())
    }
  })

  it('refuses escapes that JSON does not know', () => {
    for (const bad of ['\\x', '\\', '\\u12', '\\u00zz', '\\u000', '\\u000z', 'abcd\\u000'])
      assert.throws(() => unescaped(bad), { kind: 'badHeader' })
  })
})
