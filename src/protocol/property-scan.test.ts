import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
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

  it('finds in any bytes what is found by splitting them', () => {
    const bytes = fc.array(fc.constantFrom(0, 1, 1, 2, 2, 3, 97, 98, 128, 255), { maxLength: 40 })
    fc.assert(
      fc.property(bytes, fc.nat(5), (content, before) => {
        const source = Buffer.from([...new Array(before).fill(2), ...content, 1, 2])
        const scan = new PropertyScan()
        scan.read(source, before, before + content.length)
        const found = Array.from({ length: scan.count }, (_, index) => [
          source.toString('latin1', scan.pairAt(index), scan.valueAt(index) - 1),
          source.toString('latin1', scan.valueAt(index), scan.valueEnd(index)),
        ])
        assert.deepEqual(found, splitPairs(Buffer.from(content).toString('latin1')))
        for (const name of ['a', 'b', 'ab', 'aaa', '\u0003'])
          assert.equal(
            scan.find(name),
            found.findLastIndex(([known]) => known === name),
          )
      }),
    )
  })

  it('reads a text that is like the one before as if it had never seen another', () => {
    const known = new PropertyScan()
    const part = fc.constantFrom('a', 'bc', 'KEYS', '\u0001', '\u0002', '\u0003', '\u0004', '\u0000', 'é')
    const text = fc.array(part, { maxLength: 30 }).map((parts) => Buffer.from(parts.join('')))
    /** One byte of a text, changed. */
    const change = fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 3, 4, 97, 98, 255))
    fc.assert(
      fc.property(text, fc.array(change, { maxLength: 8 }), fc.nat(5), (first, changes, before) => {
        const bytes = Buffer.concat([Buffer.alloc(before, 2), first])
        known.read(bytes, before, bytes.length)
        known.read(bytes, before, bytes.length)
        for (const [place, byte] of changes) {
          if (first.length > 0) bytes[before + (place % first.length)] = byte
          const fresh = new PropertyScan()
          fresh.read(bytes, before, bytes.length)
          known.read(bytes, before, bytes.length)
          assert.deepEqual(pairsOf(known), pairsOf(fresh))
          for (const name of ['a', 'bc', 'KEYS']) assert.equal(known.find(name), fresh.find(name))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps its layout while only values change, and no longer', () => {
    const scan = new PropertyScan()
    const layouts = [
      'KEYS\u0001a1\u0002T\u0001x',
      'KEYS\u0001b7\u0002T\u0001y',
      'KEYS\u0001c9\u0002T\u0001z',
      'KEYZ\u0001c9\u0002T\u0001z',
    ]
      .map((text) => Buffer.from(text))
      .map((bytes) => {
        scan.read(bytes, 0, bytes.length)
        return scan.layout
      })
    assert.deepEqual(layouts, [1, 2, 2, 3])
  })
})

function pairsOf(scan: PropertyScan): number[][] {
  return Array.from({ length: scan.count }, (_, index) => [
    ...[scan.pairAt(index), scan.valueAt(index), scan.valueEnd(index)],
  ])
}

function splitPairs(text: string): string[][] {
  const pairs: string[][] = []
  for (const part of text.split('\u0002')) {
    const nameEnd = part.indexOf('\u0001')
    if (nameEnd > 0 && nameEnd + 1 < part.length)
      pairs.push([part.slice(0, nameEnd), part.slice(nameEnd + 1)])
  }
  return pairs
}
