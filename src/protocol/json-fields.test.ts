import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFastJson } from './fastjson.ts'
import { JsonFields, readInteger, readText } from './json-fields.ts'

const fieldsOf = (text: string): JsonFields => new JsonFields(readFastJson(text), 'body')

describe('JsonFields', () => {
  it('reads fields of the expected types', () => {
    const fields = fieldsOf('{"s":"x","i":-7,"l":1795224471345345566,"d":0.5,"b":true,"w":"B","n":null}')
    assert.equal(fields.text('s'), 'x')
    assert.equal(fields.int32('i'), -7)
    assert.equal(fields.integer('i'), -7)
    assert.equal(fields.int64('l'), 1795224471345345566n)
    assert.equal(fields.number('d'), 0.5)
    assert.equal(fields.number('l'), Number(1795224471345345566n))
    assert.equal(fields.flag('b'), true)
    assert.equal(fields.word('w', ['A', 'B']), 'B')
    assert.equal(fields.has('n'), false)
  })

  it('takes fallbacks for what is absent or null', () => {
    const fields = fieldsOf('{"n":null}')
    assert.equal(fields.text('n', 'x'), 'x')
    assert.equal(fields.int32('n', 1), 1)
    assert.equal(fields.int64('n', 0n), 0n)
    assert.equal(fields.flag('n', false), false)
    assert.equal(fields.word('n', ['A'], 'A'), 'A')
    assert.deepEqual(fields.texts('n'), [])
    assert.equal(fields.table('n', readText).size, 0)
    assert.equal(fields.optionalObject('n'), undefined)
  })

  it('reads what C++ clients write: digits as strings, enums as ordinals', () => {
    const fields = fieldsOf('{"i":"12","l":"1795224471345345566","w":1,"b":"false"}')
    assert.equal(fields.int32('i'), 12)
    assert.equal(fields.int64('l'), 1795224471345345566n)
    assert.equal(fields.word('w', ['A', 'B']), 'B')
    assert.equal(fields.flag('b'), false)
  })

  it('names the field that is wrong by its path', () => {
    const fields = fieldsOf(
      '{"s":1,"i":2147483648,"l":99999999999999999999,"big":9007199254740993,' +
        '"list":[{"a":1},2],"table":{"k":1},"q":{{"x":1}:1}}',
    )
    const wrong: [() => unknown, string][] = [
      [() => fields.text('s'), 'body.s is not a string'],
      [() => fields.text('none'), 'body.none is missing'],
      [() => fields.int32('i'), 'body.i is not a 32-bit integer'],
      [() => fields.int64('l'), 'body.l is not a 64-bit integer'],
      [() => fields.int64('list'), 'body.list is not a 64-bit integer'],
      [() => fields.integer('big'), 'body.big is not an integer within 53 bits'],
      [() => fields.flag('i'), 'body.i is not true or false'],
      [() => fields.word('i', ['A', 'B']), 'body.i is not one of A, B'],
      [() => fields.number('list'), 'body.list is not a number'],
      [() => fields.objects('list', (item) => item.text('a')), 'body.list[0].a is not a string'],
      [() => fields.objects('list', (item) => item.raw('a')), 'body.list[1] is not an object'],
      [() => fields.texts('table'), 'body.table is not a list'],
      [() => fields.table('list', readText), 'body.list is not an object'],
      [() => fields.table('table', readText), 'body.table.k is not a string'],
      [() => fields.table('q', readText), 'body.q is not an object'],
      [() => fields.object('s'), 'body.s is not an object'],
      [
        () => fields.numberedTable('table', readInteger),
        'body.table is not a table with numbers as keys, not "k"',
      ],
      [() => fields.keyedTable('q', (key) => key.text('x'), readInteger), 'body.q key.x is not a string'],
      [
        () => fields.keyedTable('table', (key) => key.text('x'), readInteger),
        'JSON at character 0: a value expected',
      ],
    ]
    for (const [read, message] of wrong) assert.throws(read, { kind: 'badBody', message }, message)
  })

  it('reads tables with numbers and with objects as keys, these also as strings', () => {
    const fields = fieldsOf('{"n":{0:5,"1":6},"q":{{"x":"a"}:1},"text":{"{\\"x\\":\\"b\\"}":2},"empty":{}}')
    assert.deepEqual(
      [...fields.numberedTable('n', readInteger)],
      [
        [0, 5],
        [1, 6],
      ],
    )
    for (const key of ['-0', '"07"', '"1.5"', '"x"', '""']) {
      const odd = fieldsOf(`{"n":{${key}:5}}`)
      assert.throws(() => odd.numberedTable('n', readInteger), { kind: 'badBody' }, key)
    }
    const keyed = (name: string) => [...fields.keyedTable(name, (key) => key.text('x'), readInteger)]
    assert.deepEqual(['q', 'text', 'empty'].map(keyed), [[['a', 1]], [['b', 2]], []])
  })

  it('refuses a body that is no object', () => {
    for (const text of ['', '[]', '1', 'null', '{{"a":1}:1}']) {
      assert.throws(() => JsonFields.ofBody(Buffer.from(text), 'body'), { kind: 'badBody' }, text)
    }
  })
})
