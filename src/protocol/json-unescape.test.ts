import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
  })

  it('replaces half a surrogate pair, as UTF-8 encoders do', () => {
    for (const lone of ['\\ud83d', '\\ude00', '\\ud83dx', '\\ud83d\\u0041']) {
      assert.equal(unescaped(lone).toString(), Buffer.from(JSON.parse(`"${lone}"`)).toString())
    }
  })

  it('refuses escapes that JSON does not know', () => {
    for (const bad of ['\\x', '\\', '\\u12', '\\u00zz'])
      assert.throws(() => unescaped(bad), { kind: 'badHeader' })
  })
})
