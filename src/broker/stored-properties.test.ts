import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StoredProperties } from './stored-properties.ts'

const OWN = [
  ['MSG_REGION', 'here'],
  ['TRACE_ON', 'true'],
] as const

const uniqueKey = (): string => 'MADE'

function textOf({ front, frontAt, frontEnd, buffer, at, end }: StoredProperties): string {
  return front.toString('utf8', frontAt, frontEnd) + buffer.toString('utf8', at, end)
}

/** Property texts: pairs, names of the broker's own, pairs without name or value, a last separator or none. */
const texts = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom('KEYS', 'TAGS', 'UNIQ_KEY', 'WAIT', 'MSG_REGION', 'POP_CK', 'x', '名', ''),
        fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'Z', '7', ' ', 'ü', '\u0001') }),
      ),
      { maxLength: 5 },
    ),
    fc.boolean(),
  )
  .map(([pairs, isOpen]) => {
    const text = pairs.map(([name, value]) => `${name}\u0001${value}\u0002`).join('')
    return isOpen ? text.slice(0, -1) : text
  })

describe('StoredProperties', () => {
  it('joins the properties of a message with what its batch shares as if they had come together', () => {
    const joined = new StoredProperties(OWN)
    const together = new StoredProperties(OWN)
    fc.assert(
      fc.property(texts, fc.array(texts, { maxLength: 4 }), (shared, messages) => {
        const bytes = Buffer.from(shared)
        joined.begin()
        joined.add(bytes, 0, bytes.length)
        joined.share()
        for (const message of messages) {
          const source = Buffer.from(`##${message}##`)
          if (!joined.join(source, 2, source.length - 2))
            joined.combine(source, 2, source.length - 2, uniqueKey)
          together.begin()
          together.add(source, 2, source.length - 2)
          together.add(bytes, 0, bytes.length)
          together.finish(uniqueKey)
          assert.equal(textOf(joined), textOf(together))
          const names = ['KEYS', 'TAGS', 'UNIQ_KEY', 'WAIT', 'x']
          for (const name of names)
            assert.equal(joined.scanOf(name).optionalText(name), together.scan.optionalText(name))
        }
      }),
    )
  })

  it('puts the own word of the broker in place of what a message claims', () => {
    const properties = new StoredProperties(OWN)
    const source = Buffer.from('MSG_REGION\u0001there\u0002KEYS\u0001k')
    properties.begin()
    properties.share()
    assert.equal(properties.join(source, 0, source.length), false)
    properties.combine(source, 0, source.length, uniqueKey)
    assert.equal(
      textOf(properties),
      'KEYS\u0001k\u0002UNIQ_KEY\u0001MADE\u0002MSG_REGION\u0001here\u0002TRACE_ON\u0001true\u0002',
    )
  })

  it('refuses more than a record may come in with, joined or not', () => {
    const properties = new StoredProperties(OWN)
    const source = Buffer.from(`UNIQ_KEY\u0001u\u0002x\u0001${'y'.repeat(31_740)}\u0002`)
    const combine = (): void => properties.combine(source, 0, source.length, uniqueKey)
    properties.begin()
    properties.share()
    assert.equal(properties.join(source, 0, source.length), false)
    assert.throws(combine, { kind: 'messageIllegal', message: /properties of 31\d\d\d bytes/ })
    properties.begin()
    properties.add(source, 0, source.length)
    assert.throws(() => properties.finish(uniqueKey), { kind: 'messageIllegal' })
  })
})
