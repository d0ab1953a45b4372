import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { propertiesText } from '../../protocol/message-properties.ts'
import { PROPERTIES_MAX, PropertyScan } from '../../protocol/property-scan.ts'
import { compileSql, EXPRESSION_LENGTH_MAX } from './sql-filter.ts'

function scanOf(properties: Readonly<Record<string, string>>): PropertyScan {
  const scan = new PropertyScan()
  const bytes = Buffer.from(propertiesText(Object.entries(properties)))
  scan.read(bytes, 0, bytes.length)
  return scan
}

describe('compileSql', () => {
  it('lets pass only what is true', () => {
    const filter = compileSql('a > 5')
    const results = [{ a: '6' }, { a: '5' }, {}, { a: 'x' }].map((properties) => {
      const scan = scanOf(properties)
      return [filter.evaluate(scan), filter.matches(scan)]
    })
    assert.deepEqual(results, [
      ['true', true],
      ['false', false],
      ['null', false],
      ['error', false],
    ])
  })

  it('knows nothing of the message before', () => {
    const filter = compileSql("a = 'x' OR b = 'x'")
    assert.equal(filter.matches(scanOf({ c: '1', b: 'x' })), true)
    assert.equal(filter.matches(scanOf({ b: 'y', a: 'y' })), false)
    assert.equal(filter.matches(scanOf({})), false)
    assert.equal(filter.matches(scanOf({ a: 'x' })), true)
  })

  it('takes the last of a name given twice', () => {
    const scan = new PropertyScan()
    const bytes = Buffer.from('a\u00011\u0002a\u00012\u0002')
    scan.read(bytes, 0, bytes.length)
    assert.equal(compileSql('a = 2').matches(scan), true)
  })

  it('finds text in values short and long', () => {
    const filter = compileSql(
      "a CONTAINS 'né' AND a NOT CONTAINS 'nè' AND a STARTSWITH 'x' AND a ENDSWITH 'é'",
    )
    for (const length of [1, 100, 1000, 30_000])
      assert.equal(filter.matches(scanOf({ a: `${'x'.repeat(length)}né` })), true)
    assert.equal(filter.matches(scanOf({ a: 'né' })), false)
  })

  it('refuses an expression that is too long', () => {
    const longest = `a = '${'x'.repeat(EXPRESSION_LENGTH_MAX - 6)}'`
    assert.equal(longest.length, EXPRESSION_LENGTH_MAX)
    compileSql(longest)
    assert.throws(() => compileSql(`${longest} `), { kind: 'subscriptionParseFailed' })
  })

  it('gives up on expressions that cost too much, and on nothing usual', () => {
    const terms = Array.from({ length: 430 }, (_, i) => `a${i}=1`)
    const wide = scanOf(Object.fromEntries(Array.from({ length: PROPERTIES_MAX }, (_, i) => [`b${i}`, '1'])))
    const expensive = compileSql(terms.join(' OR ').slice(0, EXPRESSION_LENGTH_MAX - 10))
    assert.equal(expensive.evaluate(wide), 'error')
    assert.equal(expensive.matches(wide), false)
    // even where all that came later would have been true
    assert.equal(compileSql(`(${terms.slice(0, 300).join(' OR ')}) IS NULL`).matches(wide), false)
    const usual = compileSql(terms.slice(0, 100).join(' OR '))
    assert.equal(
      usual.matches(
        scanOf({ ...Object.fromEntries(terms.slice(0, 100).map((_, i) => [`c${i}`, '1'])), a99: '1' }),
      ),
      true,
    )
    const long = compileSql(Array(150).fill("b CONTAINS 'aaaab'").join(' OR '))
    assert.equal(long.evaluate(scanOf({ b: 'a'.repeat(32_000) })), 'error')
  })
})
