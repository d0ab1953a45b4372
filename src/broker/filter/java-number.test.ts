import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareDoubles, compareText, doubleAt, integerAt, javaInteger, NO_NUMBER } from './java-number.ts'

/** Reads text that stands between other bytes. */
function read<T>(text: string, reader: (source: Buffer, at: number, end: number) => T): T {
  const bytes = Buffer.from(`9${text}9`)
  return reader(bytes, 1, bytes.length - 1)
}

const int = (text: string) => read(text, (source, at, end) => integerAt(source, at, end, 'int'))
const long = (text: string) => read(text, (source, at, end) => integerAt(source, at, end, 'long'))
const double = (text: string) => read(text, doubleAt)

describe('integerAt', () => {
  it('takes what Integer.valueOf takes', () => {
    const texts = ['0', '-0', '+5', '007', '2147483647', '-2147483648', `${'0'.repeat(100)}5`]
    assert.deepEqual(texts.map(int), [0, 0, 5, 7, 2147483647, -2147483648, 5])
  })

  it('refuses what is no int', () => {
    const texts = ['', '+', '-', '--5', '5 ', ' 5', '5.0', '5L', '0x5', '2147483648', '-2147483649', '١']
    assert.deepEqual(texts.map(int), Array(texts.length).fill(undefined))
  })

  it('takes all longs, exactly', () => {
    assert.equal(long('9223372036854775807'), 9223372036854775807n)
    assert.equal(long('-9223372036854775808'), -9223372036854775808n)
    assert.equal(long('9007199254740991'), 9007199254740991)
    assert.equal(long('9007199254740993'), 9007199254740993n)
    assert.equal(long('9223372036854775808'), undefined)
    assert.equal(long('-9223372036854775809'), undefined)
    assert.equal(long('99999999999999999999'), undefined)
  })

  it('reads back every long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        assert.equal(BigInt(long(String(value)) ?? 'x'), value)
      }),
    )
  })
})

describe('doubleAt', () => {
  it('takes what Double.valueOf takes', () => {
    const texts = ['5', '-5', '5.', '.5', ' 5\t', '5f', '5D', '1e3', '1E+3', '1e999', '+NaN', '-Infinity']
    const values = [5, -5, 5, 0.5, 5, 5, 5, 1000, 1000, Infinity, NaN, -Infinity]
    assert.deepEqual(texts.map(double), values)
    assert.ok(Object.is(double('-0'), -0))
  })

  it('refuses what is no double', () => {
    const texts = ['', ' ', '.', '+', 'e5', '5e', '5 5', '--5', '1_0', 'nan', 'infinity', '5ff', '0x10', '١']
    assert.deepEqual(texts.map(double), Array(texts.length).fill(undefined))
  })

  it('reads back every double', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        assert.ok(Object.is(double(Object.is(value, -0) ? '-0' : String(value)), value))
      }),
    )
  })
})

describe('compareDoubles', () => {
  it('has NaN above all and -0 below 0', () => {
    const ascending = [-Infinity, -1, -0, 0, 1, Infinity, NaN]
    for (const [i, left] of ascending.entries()) {
      for (const [j, right] of ascending.entries())
        assert.equal(compareDoubles(left, right), Math.sign(i - j))
    }
  })
})

describe('javaInteger', () => {
  it('is an int while it fits, and then a long', () => {
    assert.deepEqual(javaInteger('2147483647'), { type: 'int', value: 2147483647 })
    assert.deepEqual(javaInteger('2147483648'), { type: 'long', value: 2147483648 })
    assert.deepEqual(javaInteger('9223372036854775807'), { type: 'long', value: 9223372036854775807n })
    assert.equal(javaInteger('9223372036854775808'), undefined)
  })
})

describe('compareText', () => {
  it('reads text as the type of the other number', () => {
    const compared = (text: string, number: Parameters<typeof compareText>[3]) =>
      read(text, (source, at, end) => compareText(source, at, end, number))
    assert.equal(compared('3000000000', { type: 'int', value: 5 }), NO_NUMBER)
    assert.equal(compared('3000000000', { type: 'long', value: 3000000001 }), -1)
    assert.equal(compared('9223372036854775806', { type: 'long', value: 9223372036854775807n }), -1)
    assert.equal(compared('5.0', { type: 'int', value: 5 }), NO_NUMBER)
    assert.equal(compared('5.0', { type: 'double', value: 5 }), 0)
    assert.equal(compared('6', { type: 'double', value: 5.5 }), 1)
  })
})
