import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PropertyScan } from './property-scan.ts'

function scanned(text: string): PropertyScan {
  const bytes = Buffer.from(`##${text}##`)
  const scan = new PropertyScan()
  scan.read(bytes, 2, bytes.length - 2)
  return scan
}

describe('PropertyScan', () => {
  it('finds what a parser would', () => {
    const scan = scanned('KEYS\u0001a b\u0002TAGS\u0001标签\u0002x\u0001y\u0001z\u0002')
    assert.equal(scan.optionalText('KEYS'), 'a b')
    assert.equal(scan.optionalText('TAGS'), '标签')
    assert.equal(scan.optionalText('x'), 'y\u0001z')
    assert.equal(scan.optionalText('KEY'), undefined)
  })

  it('takes the last of two, and a pair without its last separator', () => {
    const scan = scanned('UNIQ_KEY\u0001one\u0002UNIQ_KEY\u0001batch\u0002WAIT\u0001true')
    assert.equal(scan.optionalText('UNIQ_KEY'), 'batch')
    assert.equal(scan.optionalText('WAIT'), 'true')
  })

  it('knows a word in any case, and nothing longer or shorter', () => {
    const scan = scanned('a\u0001FaLse\u0002b\u0001falsey\u0002c\u0001fals\u0002d\u0001f\u0001lse\u0002')
    const words = ['a', 'b', 'c', 'd'].map((name) => scan.isWord(scan.find(name), 'false'))
    assert.deepEqual(words, [true, false, false, false])
  })

  it('passes over pairs without a name or a value', () => {
    const scan = scanned('\u0001v\u0002n\u0001\u0002lonely\u0002\u0002A\u0001b\u0002')
    assert.equal(scan.count, 1)
    assert.equal(scan.optionalText('A'), 'b')
    assert.equal(scanned('').count, 0)
  })

  it('refuses a bomb of pairs', () => {
    assert.throws(() => scanned('a\u0001b\u0002'.repeat(513)), { kind: 'messageIllegal', message: /512/ })
  })
})
