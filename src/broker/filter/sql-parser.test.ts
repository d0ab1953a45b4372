import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MqError } from '../../base/errors.ts'
import { NESTING_MAX, parseSql } from './sql-parser.ts'

/** What the parser says is wrong. */
function complaint(expression: string): string {
  try {
    parseSql(expression)
  } catch (error) {
    assert.ok(error instanceof MqError, String(error))
    assert.equal(error.kind, 'subscriptionParseFailed')
    return error.message
  }
  return 'nothing'
}

describe('parseSql', () => {
  it('binds NOT before comparison, comparison before equality, AND before OR', () => {
    const property = (name: string) => ({ kind: 'property', name })
    const cast = (name: string) => ({ kind: 'cast', name })
    assert.deepEqual(parseSql('a OR b AND c OR d'), {
      kind: 'OR',
      operands: [cast('a'), { kind: 'AND', operands: [cast('b'), cast('c')] }, cast('d')],
    })
    assert.deepEqual(parseSql('NOT a = b < c'), {
      kind: 'equal',
      left: { kind: 'not', operand: cast('a') },
      right: { kind: 'order', order: '<', left: property('b'), right: property('c') },
    })
  })

  it('stops at the first token that it cannot use, and does not look behind it', () => {
    const read = parseSql('a > 1')
    for (const rest of [')', ' 5', ' b', ' + 1', " 'x'", ' ) !', ' ) /* open', " ) 'open"])
      assert.deepEqual(parseSql(`a > 1${rest}`), read, rest)
    assert.match(complaint('a > 1 !'), /^Lexical error at line 1, column 7\. {2}Encountered: "!"$/)
    assert.match(complaint("a > 1 'open"), /^Lexical error/)
  })

  it('ends what binds most strongly behind IS NULL', () => {
    assert.deepEqual(parseSql("a IS NULL NOT IN ('x')"), parseSql('a IS NULL'))
    assert.deepEqual(parseSql('a IS NULL > 5'), parseSql('a IS NULL'))
  })

  it('says what it met and what it wants, as RocketMQ does', () => {
    assert.equal(
      complaint('a BETWEEN AND'),
      [
        'Encountered " "AND" "AND "" at line 1, column 11.',
        'Was expecting one of:',
        ...['"NOT"', '"TRUE"', '"FALSE"', '"NULL"', '<DECIMAL_LITERAL>', '<FLOATING_POINT_LITERAL>'].map(
          (image) => `    ${image} ...`,
        ),
        ...['<STRING_LITERAL>', '<ID>', '"("', '"-"', '"+"'].map((image) => `    ${image} ...`),
        '    ',
      ].join('\n'),
    )
    assert.equal(
      complaint('a IN (5)'),
      'Encountered " <DECIMAL_LITERAL> "5 "" at line 1, column 7.\nWas expecting:\n    <STRING_LITERAL> ...\n    ',
    )
    assert.match(
      complaint('(a = 5'),
      /^Encountered "<EOF>" at line 1.* {4}"AND" \.\.\..* {4}"\)" \.\.\.\n {4}$/s,
    )
  })

  it('says which values cannot be compared', () => {
    assert.equal(complaint("a > '4'"), `Value ''4'' cannot be compared.`)
    assert.equal(complaint('a > (b = 4)'), `Value '(b = 4)' cannot be compared.`)
    assert.equal(complaint('a = NULL'), `'NULL' cannot be compared.`)
    assert.equal(complaint('TRUE = 5'), `'TRUE' cannot be compared with '5'`)
    assert.equal(complaint('5'), 'Expression will not result in a boolean value: 5')
    assert.equal(complaint("5 IN ('5')"), 'Expected a property for In expression, got: 5')
    assert.match(complaint('a BETWEEN 2 AND 1'), /^Illegal values of between, left value\(2\)/)
    assert.equal(complaint('a > 9223372036854775808'), 'For input string: "9223372036854775808"')
    assert.equal(complaint('a > 0.0'), '0.0 is less than 4.9E-324')
  })

  it('refuses what is nested too deep, and nothing before', () => {
    const nestings = [
      (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`,
      (depth: number) => `${'NOT '.repeat(depth)}a`,
      (depth: number) => `${'- '.repeat(depth - 1)}a IS NULL`,
      (depth: number) => `${'+'.repeat(depth)}a`,
      (depth: number) => `a${' = TRUE'.repeat(depth)}`,
      (depth: number) => `a${" CONTAINS 'x'".repeat(depth)}`,
    ]
    for (const nesting of nestings) {
      assert.equal(complaint(nesting(NESTING_MAX)), 'nothing')
      assert.match(complaint(nesting(NESTING_MAX + 2)), /^nested deeper than 32/)
    }
    assert.match(complaint('('.repeat(100_000)), /^nested deeper/)
  })

  it('joins as many conditions as there are', () => {
    const condition = parseSql(Array(5000).fill('a').join(' OR '))
    assert.equal(condition.kind === 'OR' && condition.operands.length, 5000)
  })

  it('parses or refuses whatever it is given', () => {
    const pieces = fc.constantFrom(
      ...[
        "'",
        "''",
        '(',
        ')',
        '!',
        '.',
        '/',
        '/*',
        '*/',
        '--',
        '-',
        '+',
        '=',
        '<>',
        '>',
        '>=',
        '<',
        '%',
        '"',
        ',',
      ],
      ...['NOT', 'AND', 'OR', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', 'IS', 'CONTAINS', 'ENDSWITH'],
      ...['a', 'b$', '5', '0', '5.5', '.5', '1E5', '5L', "'x'", ' ', '\n', '\r', '\0', 'é', '𝒳', '\ud800'],
    )
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(' ')),
      fc.string({ unit: 'binary', maxLength: 100 }),
    )
    fc.assert(
      fc.property(texts, (text) => void complaint(text)),
      { numRuns: 5000 },
    )
  })
})
