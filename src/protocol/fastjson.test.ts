import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FastJson, readFastJson } from './fastjson.ts'
import { fastJsonBytes, prettyFastJson, writeFastJson } from './fastjson-writer.ts'

describe('readFastJson', () => {
  it('reads all of JSON', () => {
    const text = ' {"a":[1,-2.5,1e3,true,false,null,"x\\u0001\\n\\/\\"\\\\"],"b":{},"":"", "ü":"中😀"} \n'
    assert.deepEqual(JSON.parse(text), JSON.parse(writeFastJson(readFastJson(text))))
    for (const value of ['0', '12', '"x"', 'null', '[]', '{}', '0.5', '1E-2']) {
      assert.equal(writeFastJson(readFastJson(value)), JSON.stringify(JSON.parse(value)))
    }
  })

  it('reads bare numbers and identifiers as keys, and single quotes', () => {
    const read = readFastJson("{0:'127.0.0.1:10911',1:\"b\",name_1:3,$x:'it\\'s'}")
    assert.deepEqual({ ...Object(read) }, { 0: '127.0.0.1:10911', 1: 'b', name_1: 3, $x: "it's" })
  })

  it('reads objects as keys into a map', () => {
    const read = readFastJson(
      '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:5,{"queueId":1}:{}}}',
    )
    const { offsetTable } = Object(read)
    assert.ok(offsetTable instanceof Map)
    assert.deepEqual(
      [...offsetTable].map(([key, value]) => [key.queueId, value?.constructor ?? value]),
      [
        [0, Number],
        [1, Object.create(null)],
      ],
    )
  })

  it('keeps 64-bit integers as bigints and others as numbers', () => {
    assert.equal(readFastJson('1795224471345345566'), 1795224471345345566n)
    assert.equal(readFastJson('-9223372036854775808'), -9223372036854775808n)
    assert.equal(readFastJson('9007199254740991'), 9007199254740991)
    assert.equal(Object.is(readFastJson('-0'), 0), true)
  })

  it('takes __proto__ for a field like any other', () => {
    const read = readFastJson('{"__proto__":{"polluted":1},"constructor":2}')
    assert.equal(Object.getPrototypeOf(read), null)
    assert.deepEqual(Object.keys(Object(read)), ['__proto__', 'constructor'])
    assert.equal(Object('').polluted, undefined)
  })

  it('takes the last of a field given twice', () => {
    assert.equal(Object(readFastJson('{"a":1,"a":2}')).a, 2)
  })

  it('refuses what is no value, and says where', () => {
    const broken: [string, number][] = [
      ['', 0],
      ['{', 1],
      ['{"a"', 4],
      ['{"a":', 5],
      ['{"a":1', 6],
      ['{"a":1,}', 7],
      ['{,}', 1],
      ['[1,]', 3],
      ['[1 2]', 3],
      ['tru', 0],
      ['nul', 0],
      ['01', 1],
      ['-', 0],
      ['"abc', 4],
      ['"\\u12g4"', 1],
      ['"\\x41"', 1],
      ['{}{}', 2],
      ['{{"a":1}:1,"b":2}', 11],
      ['{"a":1,{"b":2}:3}', 7],
      ['1.', 1],
      ['NaN', 0],
      ['1e999', 5],
      ['undefined', 0],
    ]
    for (const [text, at] of broken) {
      assert.throws(
        () => readFastJson(text),
        { kind: 'badBody', message: new RegExp(`^JSON at character ${at}:`) },
        text,
      )
    }
  })

  it('refuses what is too deep, too much, or a number without end, in little time', () => {
    const deep = '['.repeat(1_000_000)
    assert.throws(() => readFastJson(deep), { kind: 'badBody', message: /deeper than 16/ })
    assert.throws(() => readFastJson('{{'.repeat(1_000_000)), { kind: 'badBody', message: /deeper than 16/ })
    assert.throws(() => readFastJson(`[${'0,'.repeat(20)}0]`, { depthMax: 16, valuesMax: 20 }), {
      kind: 'badBody',
      message: /more than 20 values/,
    })
    assert.throws(() => readFastJson('9'.repeat(10_000_000)), {
      kind: 'badBody',
      message: /a number of 10000000/,
    })
    assert.equal(Array.isArray(readFastJson(`${'['.repeat(16)}${']'.repeat(16)}`)), true)
  })

  it('refuses every beginning of a text but the whole', () => {
    const text = '{"a":[1,{2:\'x\'}],{"no":1}:2}'.replace(',{"no":1}:2', ',"k":{{"q":0}:-1}')
    for (let end = 0; end < text.length; end++) {
      assert.throws(() => readFastJson(text.slice(0, end)), { kind: 'badBody' }, text.slice(0, end))
    }
    assert.equal(writeFastJson(readFastJson(text)), '{"a":[1,{"2":"x"}],"k":{{"q":0}:-1}}')
  })
})

describe('writeFastJson', () => {
  const value: FastJson = {
    addresses: new Map<FastJson, FastJson>([
      [0, 'a'],
      [1, undefined],
    ]),
    queues: new Map<FastJson, FastJson>([[{ queueId: 0, topic: 't' }, 5n]]),
    names: new Map<FastJson, FastJson>([['x', new Set(['1', '2'])]]),
    absent: undefined,
    nothing: null,
    text: 'a\u0001"\\中',
  }

  it('leaves out what is null, and white space', () => {
    assert.equal(
      writeFastJson(value),
      '{"addresses":{0:"a"},"queues":{{"queueId":0,"topic":"t"}:5},"names":{"x":["1","2"]},' +
        '"text":"a\\u0001\\"\\\\中"}',
    )
    assert.equal(writeFastJson([null, undefined, Number.NaN, 1.5, true]), '[null,null,null,1.5,true]')
    assert.deepEqual(fastJsonBytes('ü'), Buffer.from('"ü"'))
  })

  it('prints as RocketMQ prints its configuration files', () => {
    const offsets = new Map<FastJson, FastJson>([
      [0, 351],
      [1, 350],
    ])
    const file = {
      dataVersion: { counter: 0 },
      empty: {},
      groups: { g: ['a', 'b'] },
      offsetTable: { 'T@g': offsets },
    }
    assert.equal(
      prettyFastJson(file),
      [
        '{',
        '\t"dataVersion":{',
        '\t\t"counter":0',
        '\t},',
        '\t"empty":{},',
        '\t"groups":{',
        '\t\t"g":["a","b"]',
        '\t},',
        '\t"offsetTable":{',
        '\t\t"T@g":{0:351,1:350',
        '\t\t}',
        '\t}',
        '}',
      ].join('\n'),
    )
    const list = [{ a: 1 }, { b: 2 }]
    assert.deepEqual(JSON.parse(prettyFastJson(list)), list)
  })
})
