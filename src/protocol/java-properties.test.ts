import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { javaPropertiesText, parseJavaProperties } from './java-properties.ts'

describe('Java properties', () => {
  it('reads every form that Java reads', () => {
    const text = [
      '# comment',
      '  ! another',
      '',
      'a=1',
      ' b : 2 ',
      'c 3 = 4',
      'd',
      'e\\ f\\=g=h',
      'long=one, \\',
      '    two, \\',
      '  three',
      'unicode=\\u4e2d\\t\\n\\\\\\x',
      'a=5\r',
      'last=\\',
    ].join('\n')
    assert.deepEqual(Object.fromEntries(parseJavaProperties(text)), {
      a: '5',
      b: '2 ',
      c: '3 = 4',
      d: '',
      'e f=g': 'h',
      long: 'one, two, three',
      unicode: '中\t\n\\x',
      last: '',
    })
  })

  it('reads back what it writes', () => {
    const properties = new Map([
      ['plain', 'value with = and : and #'],
      ['path', 'C:\\rocketmq\\store'],
      ['lines', 'a\nb\r\tc\f'],
      [' odd=na:me#', '  blanks around  '],
      ['empty', ''],
      ['中', '文'],
      ['ends', 'with backslash\\'],
      ['half \ud800', 'of a pair \udc00 and a whole one 😀'],
    ])
    const text = Buffer.from(javaPropertiesText(properties)).toString('utf8')
    assert.deepEqual(parseJavaProperties(text), properties)
  })

  it('writes plain settings as RocketMQ does', () => {
    assert.equal(javaPropertiesText([['flushDiskType', 'ASYNC_FLUSH']]), 'flushDiskType=ASYNC_FLUSH\n')
  })
})
