import { byteAt } from '../../protocol/big-endian.ts'

/**
 * Which of Java's number types a number of an SQL expression has: text it is compared with is read as that
 * type.
 */
export type JavaNumberType = 'int' | 'long' | 'double'

/** A number of one of Java's types. A long beyond 2^53 is a bigint, all others are numbers. */
export interface JavaNumber {
  readonly type: JavaNumberType
  readonly value: number | bigint
}

/**
 * Less, equal or greater, as indices from -1 on; the last is for text that is no number of the type asked
 * for.
 */
export const NO_NUMBER = 2

const SPACE = 32
const PLUS = 43
const MINUS = 45
const DIGIT_0 = 48
const DIGIT_9 = 57

const INT_MAX = 0x7fffffff
const LONG_MAX = 2n ** 63n - 1n
const LONG_DIGITS_MAX = 19
/** As many digits make a number that is exact without further care. */
const SAFE_DIGITS = 15

/**
 * What `Double.valueOf` takes, less hexadecimal floating point numbers, which no client writes into a
 * property.
 */
const doublePattern = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/

/**
 * An integer of an SQL expression, which is an int if it fits and else a long
 * (ConstantExpression.createFromDecimal).
 * @returns undefined when it is beyond 64 bits
 */
export function javaInteger(digits: string): JavaNumber | undefined {
  const value = BigInt(digits)
  if (value > LONG_MAX) return undefined
  if (value <= BigInt(INT_MAX)) return { type: 'int', value: Number(value) }
  return { type: 'long', value: narrowed(value) }
}

/** The negative. No literal reaches the one long whose negative is not a long. */
export function negated({ type, value }: JavaNumber): JavaNumber {
  return { type, value: typeof value === 'bigint' ? -value : 0 - value }
}

/** Compares as Java does after it has widened the narrower one of the two. */
export function compareNumbers(left: JavaNumber, right: JavaNumber): number {
  if (left.type === 'double' || right.type === 'double')
    return compareDoubles(Number(left.value), Number(right.value))
  return left.value < right.value ? -1 : left.value > right.value ? 1 : 0
}

/** `Double.compare`: NaN is equal to itself and above all others, -0 is below 0. */
export function compareDoubles(left: number, right: number): number {
  if (left < right) return -1
  if (left > right) return 1
  if (Object.is(left, right)) return 0
  if (left === right) return Object.is(left, -0) ? -1 : 1
  return Number.isNaN(left) ? (Number.isNaN(right) ? 0 : 1) : -1
}

/**
 * Compares the number that stands as text at `[at, end)` with another, whose type says how the text is read.
 * @returns -1, 0, 1, or `NO_NUMBER`
 */
export function compareText(source: Buffer, at: number, end: number, number: JavaNumber): number {
  if (number.type === 'double') {
    const left = doubleAt(source, at, end)
    return left === undefined ? NO_NUMBER : compareDoubles(left, Number(number.value))
  }
  const left = integerAt(source, at, end, number.type)
  if (left === undefined) return NO_NUMBER
  return left < number.value ? -1 : left > number.value ? 1 : 0
}

/**
 * Reads text as `Integer.valueOf` or `Long.valueOf` do, ASCII digits only: a sign, digits and nothing else.
 * @returns undefined when it is none, or does not fit
 */
export function integerAt(
  source: Buffer,
  at: number,
  end: number,
  type: 'int' | 'long',
): number | bigint | undefined {
  const sign = byteAt(source, at)
  let from = sign === MINUS || sign === PLUS ? at + 1 : at
  while (from < end - 1 && source[from] === DIGIT_0) from++
  if (end - from > LONG_DIGITS_MAX) return undefined
  const value = digitsAt(source, from, end)
  if (value === undefined) return undefined
  if (type === 'int' && value > (sign === MINUS ? INT_MAX + 1 : INT_MAX)) return undefined
  if (end - from > SAFE_DIGITS) return longAt(source, from, end, sign === MINUS)
  return sign === MINUS ? 0 - value : value
}

/**
 * Reads text as `Double.valueOf` does: white space around it is passed over, and `5f` and `NaN` are numbers.
 * @returns undefined when it is none
 */
export function doubleAt(source: Buffer, from: number, to: number): number | undefined {
  let [at, end] = [from, to]
  while (at < end && byteAt(source, at) <= SPACE) at++
  while (end > at && byteAt(source, end - 1) <= SPACE) end--
  const value = end - at > SAFE_DIGITS ? undefined : digitsAt(source, at, end)
  if (value !== undefined) return value
  const text = source.toString('latin1', at, end)
  if (!doublePattern.test(text)) return undefined
  return Number(/[fFdD]$/.test(text) ? text.slice(0, -1) : text)
}

/**
 * The value of a run of digits, not exact beyond `SAFE_DIGITS`; undefined when it is empty or something else.
 */
function digitsAt(source: Buffer, at: number, end: number): number | undefined {
  if (at >= end) return undefined
  let value = 0
  for (let i = at; i < end; i++) {
    const byte = byteAt(source, i)
    if (byte < DIGIT_0 || byte > DIGIT_9) return undefined
    value = value * 10 + (byte - DIGIT_0)
  }
  return value
}

function longAt(source: Buffer, at: number, end: number, isNegative: boolean): number | bigint | undefined {
  const magnitude = BigInt(source.toString('latin1', at, end))
  const value = isNegative ? -magnitude : magnitude
  return BigInt.asIntN(64, value) === value ? narrowed(value) : undefined
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
