import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { propertiesText } from '../../protocol/message-properties.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { compileSql } from './sql-filter.ts'

/** Numbers know their Java type. */
type JavaNumber =
  | { readonly type: 'int' | 'long'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
type Value = null | boolean | string | JavaNumber
type Properties = Readonly<Record<string, string>>

/** An expression as text and as a function that does what RocketMQ's classes do, one after the other. */
interface Term {
  readonly text: string
  /** @throws whatever RocketMQ throws */
  readonly evaluate: (properties: Properties) => Value
}

class Fault extends Error {}

function asInteger(text: string, bits: number): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw new Fault(text)
  const value = BigInt(text.replace('+', ''))
  if (BigInt.asIntN(bits, value) !== value) throw new Fault(text)
  return value
}

function asDouble(text: string): number {
  const trimmed = text.replaceAll(/^[\0- ]+|[\0- ]+$/g, '')
  if (!/^[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?)$/.test(trimmed))
    throw new Fault(text)
  return Number(trimmed.replace(/[fFdD]$/, ''))
}

function signOfDoubles(left: number, right: number): number {
  const rank = (value: number) => (Number.isNaN(value) ? 1 : 0)
  if (rank(left) !== rank(right) || rank(left) === 1) return rank(left) - rank(right)
  if (left !== right) return left < right ? -1 : 1
  return Number(Object.is(right, -0)) - Number(Object.is(left, -0))
}

/** ComparisonExpression.__compare. */
function compare(left: NonNullable<Value>, right: NonNullable<Value>): number {
  if (typeof left === 'boolean' || typeof right === 'boolean') return compareBooleans(left, right)
  if (typeof left === 'object') return compareNumber(left, right)
  if (typeof right === 'object') return -compareNumber(right, left)
  return left < right ? -1 : left > right ? 1 : 0
}

function compareBooleans(left: NonNullable<Value>, right: NonNullable<Value>): number {
  if (typeof left === 'object' || typeof right === 'object') return -1
  if (typeof right === 'string') throw new Fault('a class cast')
  const value = typeof left === 'string' ? left.toLowerCase() === 'true' : left
  return Number(value) - Number(right)
}

function compareNumber(left: JavaNumber, right: string | JavaNumber): number {
  if (typeof right === 'object' && right.type === 'double' && left.type !== 'double')
    return -compareNumber(right, left)
  if (left.type === 'double') {
    return signOfDoubles(left.value, typeof right === 'string' ? asDouble(right) : Number(right.value))
  }
  const other = typeof right === 'string' ? asInteger(right, left.type === 'int' ? 32 : 64) : right.value
  return left.value < other ? -1 : left.value > other ? 1 : 0
}

function equal(left: Value, right: Value): boolean | null {
  if ((left === null) !== (right === null)) return left === null ? null : false
  if (left === null || right === null) return true
  return compare(left, right) === 0
}

function ordered(left: Value, right: Value, accepts: (order: number) => boolean): boolean | null {
  if (left === null || right === null) return null
  if (typeof left === 'string' && typeof right === 'string')
    return accepts(signOfDoubles(asDouble(left), asDouble(right)))
  return accepts(compare(left, right))
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

const names = ['a', 'b', 'c', 'd', '$e']

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

const texts = fc.oneof(
  fc.constantFrom(
    '5',
    '-5',
    '+5',
    '5.0',
    ' 5 ',
    '5f',
    '0',
    '-0',
    'NaN',
    'Infinity',
    'true',
    'TRUE',
    'false',
    'x',
    "it's",
  ),
  fc.constantFrom(
    '2147483647',
    '2147483648',
    '-2147483648',
    '9223372036854775807',
    '9223372036854775808',
    '日本語',
    '本',
  ),
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.double({ noNaN: true, min: -20, max: 20 }).map(String),
  fc.string({ minLength: 1, maxLength: 4 }),
)

const property: fc.Arbitrary<Term> = fc
  .constantFrom(...names)
  .map((name) => ({ text: name, evaluate: (properties) => properties[name] ?? null }))

const constant = (text: string, value: Value): Term => ({ text, evaluate: () => value })

const integer: fc.Arbitrary<Term> = fc
  .oneof(fc.bigInt({ min: 0n, max: 20n }), fc.constantFrom(2147483647n, 2147483648n, 2n ** 63n - 1n))
  .map((value) => constant(String(value), { type: value < 2147483648n ? 'int' : 'long', value }))

const double: fc.Arbitrary<Term> = fc
  .double({ min: 0.001, max: 20, noNaN: true })
  .map((value) => constant(value.toFixed(3), { type: 'double', value: Number(value.toFixed(3)) }))
  .filter(({ text }) => Number(text) > 0)

/** Unary minus, of a number or of what it makes NULL. */
const minus = (term: Term): Term => ({
  text: `- ${term.text}`,
  evaluate: (properties) => {
    const value = term.evaluate(properties)
    if (value === null || typeof value !== 'object') return null
    if (value.type === 'double') return { type: 'double', value: -value.value }
    return { type: value.type, value: -value.value }
  },
})

/** What may be ordered, and what may be equal to something. */
const comparable = fc.oneof(
  property,
  property,
  integer,
  double,
  fc.oneof(property, integer, double).map(minus),
)
const equatable = fc.oneof(
  comparable,
  texts.map((text) => constant(quoted(text), text)),
)

const keyword = (word: string) => fc.constantFrom(word, word.toLowerCase())
const negation = fc.constantFrom('', 'NOT ', 'not ')
const negatedIf = (isNegated: boolean, value: boolean | null) =>
  value === null || !isNegated ? value : !value

const equality = fc.tuple(equatable, fc.constantFrom('=', '<>'), equatable).map(
  ([left, sign, right]): Term => ({
    text: `${left.text} ${sign} ${right.text}`,
    evaluate: (properties) =>
      negatedIf(sign === '<>', equal(left.evaluate(properties), right.evaluate(properties))),
  }),
)

const ordering = fc.tuple(comparable, fc.constantFrom(...Object.keys(orders)), comparable).map(
  ([left, sign, right]): Term => ({
    text: `${left.text} ${sign} ${right.text}`,
    evaluate: (properties) =>
      ordered(left.evaluate(properties), right.evaluate(properties), orders[sign] ?? assert.fail()),
  }),
)

const between = fc.tuple(comparable, negation, fc.tuple(property, property)).map(
  ([value, not, [low, high]]): Term => ({
    text: `${value.text} ${not}BETWEEN ${low.text} AND ${high.text}`,
    evaluate: (properties) => {
      const [middle, lowest] = [value.evaluate(properties), low.evaluate(properties)]
      const first = ordered(middle, lowest, (order) => (not ? order < 0 : order >= 0))
      if (first === (not !== '')) return first
      const second = ordered(middle, high.evaluate(properties), (order) => (not ? order > 0 : order <= 0))
      if (second === (not !== '')) return second
      return first === null || second === null ? null : not === ''
    },
  }),
)

const search = fc.tuple(equatable, negation, keyword('CONTAINS'), fc.oneof(fc.constant(''), texts)).map(
  ([operand, not, word, text]): Term => ({
    text: `${operand.text} ${not}${word} ${quoted(text)}`,
    evaluate: (properties) => {
      const value = operand.evaluate(properties)
      return text !== '' && typeof value === 'string' && value.includes(text) !== (not !== '')
    },
  }),
)

const membership = fc.tuple(property, negation, fc.array(texts, { minLength: 1, maxLength: 7 })).map(
  ([operand, not, values]): Term => ({
    text: `${operand.text} ${not}IN (${values.map(quoted).join(', ')})`,
    evaluate: (properties) => {
      const value = operand.evaluate(properties)
      return value === null ? null : values.includes(String(value)) !== (not !== '')
    },
  }),
)

const nullity = fc.tuple(equatable, negation).map(
  ([operand, not]): Term => ({
    text: `${operand.text} IS ${not}NULL`,
    evaluate: (properties) => (operand.evaluate(properties) === null) !== (not !== ''),
  }),
)

const word = fc.constantFrom(constant('TRUE', true), constant('False', false), constant('null', null))

const cast = property.map(
  ({ text, evaluate }): Term => ({
    text,
    evaluate: (properties) => (evaluate(properties) === null ? null : false),
  }),
)

const parenthesized = (term: Term): Term => ({ ...term, text: `(${term.text})` })

/** Conditions joined left to right: the first that decides does, a NULL otherwise. */
function joined(kind: 'AND' | 'OR', terms: readonly Term[]): Term {
  return {
    text: terms.map(({ text }) => text).join(` ${kind} `),
    evaluate: (properties) => {
      let result: Value = kind === 'AND'
      for (const term of terms) {
        const value = term.evaluate(properties)
        if (value === (kind === 'OR')) return value
        if (value === null) result = null
      }
      return result
    },
  }
}

/** The same, and no constant: `(NULL)` is one, and may not be compared. */
const andTrue = (term: Term): Term => joined('AND', [parenthesized(term), constant('TRUE', true)])

const { condition } = fc.letrec<{ condition: Term; conjunction: Term; simple: Term }>((tie) => ({
  simple: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(equality, ordering, between, search, membership, nullity, word, cast),
    tie('condition').map(parenthesized),
    tie('condition').map(
      (term): Term => ({
        text: `NOT (${term.text})`,
        evaluate: (properties) => negatedIf(true, term.evaluate(properties) as boolean | null),
      }),
    ),
    fc.tuple(tie('condition').map(andTrue), tie('condition').map(andTrue)).map(
      ([left, right]): Term => ({
        text: `(${left.text}) = (${right.text})`,
        evaluate: (properties) => equal(left.evaluate(properties), right.evaluate(properties)),
      }),
    ),
    fc.tuple(property, tie('condition').map(andTrue)).map(
      ([left, right]): Term => ({
        text: `${left.text} = (${right.text})`,
        evaluate: (properties) => equal(left.evaluate(properties), right.evaluate(properties)),
      }),
    ),
  ),
  conjunction: fc
    .array(tie('simple'), { minLength: 1, maxLength: 3 })
    .map((terms) => (terms.length > 1 ? joined('AND', terms) : (terms[0] ?? assert.fail()))),
  condition: fc
    .array(tie('conjunction'), { minLength: 1, maxLength: 3 })
    .map((terms) => (terms.length > 1 ? joined('OR', terms) : (terms[0] ?? assert.fail()))),
}))

function modelResult(term: Term, properties: Properties): string {
  try {
    return String(term.evaluate(properties))
  } catch (error) {
    if (error instanceof Fault) return 'error'
    throw error
  }
}

describe('SqlFilter', () => {
  it('evaluates as a naive interpreter of the same rules', () => {
    const scan = new PropertyScan()
    const properties = fc.dictionary(fc.constantFrom(...names), texts, { noNullPrototype: true })
    const tally: Record<string, number> = {}
    fc.assert(
      fc.property(condition, fc.array(properties, { minLength: 3, maxLength: 3 }), (term, messages) => {
        fc.pre(term.text.length <= 4096 && nestingOf(term.text) < 30)
        const filter = compileSql(term.text)
        for (const message of messages) {
          const bytes = Buffer.from(`?${propertiesText(Object.entries(message))}?`)
          scan.read(bytes, 1, bytes.length - 1)
          const expected = modelResult(term, message)
          tally[expected] = (tally[expected] ?? 0) + 1
          assert.equal(filter.evaluate(scan), expected, term.text)
          assert.equal(filter.matches(scan), expected === 'true')
        }
      }),
      { numRuns: 1500 },
    )
    for (const result of ['true', 'false', 'null', 'error']) assert.ok((tally[result] ?? 0) > 150, result)
  })
})

function nestingOf(text: string): number {
  let [depth, deepest] = [0, 0]
  for (const character of text) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0
    deepest = Math.max(deepest, depth)
  }
  return deepest
}
