import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HeaderScan } from './header-scan.ts'
import { encodeCommand } from './remoting-command.ts'

function scanned(header: string | Buffer, serializeType = 0): HeaderScan {
  const bytes = Buffer.from(header)
  const scan = new HeaderScan()
  scan.read(bytes, 0, bytes.length, serializeType)
  return scan
}

describe('HeaderScan', () => {
  it('reads any order of keys, white space, unknown and missing ones', () => {
    const scan = scanned(
      ' { "version" : 317, "new":{"a":[1,{"b":"}"}],"c":null}, "language":"GO","flag":2,\n"opaque":-7,"remark":"","extFields":{"a":"x","topic":"T","n":12,"t":true,"z":null},"code":10} ',
    )
    assert.deepEqual(
      [scan.code, scan.flag, scan.opaque, scan.version, scan.language, scan.remark],
      [10, 2, -7, 317, 9, ''],
    )
    assert.deepEqual({ ...scan.fields() }, { a: 'x', topic: 'T', n: '12', t: 'true' })
    assert.equal(scan.isOneway, true)
    assert.equal(scanned('{}').fieldCount, 0)
    assert.equal(scanned('{"extFields":null,"code":"105"}').code, 105)
    assert.equal(scanned('{"extFields":{},"code":1,"opaque":2}').opaque, 2)
  })

  it('finds fields by name, by letter, and takes the last of two', () => {
    const scan = scanned(
      '{"extFields":{"b":"first","queueId":"3","b":"last","queueOffset":"9007199254740991"}}',
    )
    assert.equal(scan.text(scan.letter('b'.charCodeAt(0))), 'last')
    assert.equal(scan.requiredText('b'), 'last')
    assert.equal(scan.requiredInteger('queueId'), 3)
    assert.equal(scan.requiredInteger('queueOffset'), Number.MAX_SAFE_INTEGER)
    assert.equal(scan.optionalInteger('none', 5), 5)
    assert.equal(scan.find('queue'), -1)
    assert.throws(() => scan.requiredInteger('nothing'), { kind: 'invalidParameter', message: /nothing/ })
    assert.throws(() => scan.requiredInteger('b'), {
      kind: 'invalidParameter',
      message: /b is not an integer: "last"/,
    })
  })

  it('refuses integers beyond 2^53 where they count, and rounds them where they are only compared', () => {
    const scan = scanned('{"extFields":{"subVersion":"1795224471345345566","offset":"-5"}}')
    assert.throws(() => scan.requiredInteger('subVersion'), {
      kind: 'invalidParameter',
      message: /beyond 2\^53/,
    })
    assert.equal(scan.integer(scan.find('subVersion'), 'subVersion'), Number('1795224471345345566'))
    assert.equal(scan.requiredInteger('offset'), -5)
  })

  it('keeps the names of the prototype as plain fields', () => {
    const fields = scanned('{"extFields":{"__proto__":"x","constructor":"y"}}').fields()
    assert.equal(Object.getPrototypeOf(fields), null)
    assert.deepEqual(Object.keys(fields), ['__proto__', 'constructor'])
  })

  it('resolves escapes', () => {
    const scan = scanned('{"extFields":{"i":"KEYS\\u0001a\\"b\\\\\\n\\u0002","k\\u0041":"é\\ud83d\\ude00"}}')
    assert.equal(scan.requiredText('i'), 'KEYS\u0001a"b\\\n\u0002')
    assert.equal(scan.isEscaped(scan.find('i')), true)
    assert.deepEqual({ ...scan.fields() }, { i: 'KEYS\u0001a"b\\\n\u0002', kA: 'é😀' })
  })

  it('reads what the binary form says, and takes 3442 for POP_MESSAGE', () => {
    const frame = encodeCommand(
      {
        code: 200050,
        opaque: -3,
        language: 9,
        version: 317,
        flag: 2,
        remark: 'é',
        extFields: { topic: 'T', empty: '' },
      },
      1,
    )
    const scan = scanned(frame.subarray(8), 1)
    assert.deepEqual(
      [scan.code, scan.opaque, scan.language, scan.version, scan.flag, scan.remark],
      [200050, -3, 9, 317, 2, 'é'],
    )
    assert.deepEqual({ ...scan.fields() }, { topic: 'T' })
  })

  it('refuses what is not JSON, at every cut too', () => {
    const text = '{"code":310,"extFields":{"a":"g","b":"\\u0041"},"flag":0,"x":[1,{"y":2}]}'
    for (let cut = 0; cut < text.length; cut++) {
      assert.throws(() => scanned(text.slice(0, cut)), { kind: 'badHeader' }, text.slice(0, cut))
    }
    for (const bad of [
      '',
      '[]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{a:1}',
      '{"code":"x"}',
      '{"code":99999999999}',
      '{} {}',
      '{"a":1 "b":2}',
    ]) {
      assert.throws(() => scanned(bad), { kind: 'badHeader' }, bad)
    }
    assert.throws(() => scanned(`{"x":${'['.repeat(100)}${']'.repeat(100)}}`), {
      kind: 'badHeader',
      message: /deeper/,
    })
    const many = Array.from({ length: 300 }, (_, i) => `"f${i}":"1"`).join()
    assert.throws(() => scanned(`{"extFields":{${many}}}`), { kind: 'badHeader', message: /256/ })
  })

  it('refuses a binary header at every cut and with lying lengths', () => {
    const header = encodeCommand({ code: 34, opaque: 1, remark: 'r', extFields: { a: 'b' } }, 1).subarray(8)
    for (let cut = 0; cut < header.length; cut++) {
      assert.throws(() => scanned(header.subarray(0, cut), 1), { kind: 'badHeader' })
    }
    const lies = [13, 18, 25].flatMap((at) => [-1, 2_147_483_647, 255].map((lie) => [at, lie] as const))
    for (const [at, lie] of lies) {
      const bytes = Buffer.from(header)
      bytes.writeInt32BE(lie, at)
      assert.throws(() => scanned(bytes, 1), { kind: 'badHeader' }, `at ${at}: ${lie}`)
    }
    // the length of a name, of 16 bits
    for (const lie of [-1, 32_767]) {
      const bytes = Buffer.from(header)
      bytes.writeInt16BE(lie, 22)
      assert.throws(() => scanned(bytes, 1), { kind: 'badHeader' }, `at 22: ${lie}`)
    }
  })
})

/** All that a scan says of a header at byte `at`, or how it refuses it. */
function said(scan: HeaderScan, header: Buffer, at: number): unknown {
  const bytes = Buffer.concat([Buffer.alloc(at, 34), header])
  try {
    scan.read(bytes, at, bytes.length, 0)
    const { code, flag, language, opaque, remark, version, fieldCount } = scan
    const fields = Array.from({ length: fieldCount }, (_, index) => [
      ...[scan.name(index), bytes.toString('latin1', scan.valueAt(index), scan.valueEnd(index))],
      ...[scan.isEscaped(index), scan.find(scan.name(index))],
    ])
    const letters = Array.from({ length: 128 }, (_, byte) => scan.letter(byte))
    return { code, flag, language, opaque, remark, version, fields, letters }
  } catch (error) {
    return String(error)
  }
}

describe('a header that is laid out as one before', () => {
  const key = fc.constantFrom('"a"', '"i"', '"b"', '"topic"', '"t\\u0041"')
  const value = fc.constantFrom(
    ...[
      '"x"',
      '"##]]]a#"',
      '"17"',
      '"KEYS\\u00017\\u0002"',
      '"\\"q\\\\"',
      '""',
      '12',
      'true',
      'null',
      '{"n":1}',
      '[1,"2"]',
    ],
  )
  const fields = fc
    .array(fc.tuple(key, value), { maxLength: 4 })
    .map((pairs) => `"extFields":{${pairs.map((pair) => pair.join(':')).join(',')}}`)
  const member = fc.oneof(
    fields,
    fc
      .tuple(
        fc.constantFrom('"opaque"', '"code"', '"flag"', '"version"'),
        fc.constantFrom('7', '310', '-4', '"12"'),
      )
      .map((pair) => pair.join(':')),
    fc.tuple(fc.constantFrom('"opaque"', '"new"', '"remark"'), value).map((pair) => pair.join(': ')),
    fc.constantFrom('"language":"JAVA"', '"language":"GO"', '"serializeTypeCurrentRPC":"JSON"'),
  )
  const headers = fc
    .tuple(fc.array(member, { maxLength: 2 }), fields, fc.array(member, { maxLength: 2 }))
    .map((parts) => Buffer.from(`{${parts.flat().join(',')}}`))
  const byte = fc.oneof(
    fc.constantFrom(34, 92, 35, 93, 48, 57),
    fc.constantFrom(44, 58, 123, 125, 117, 32),
    fc.nat(255),
  )
  const changes = fc.array(fc.tuple(fc.nat(), byte), { minLength: 1, maxLength: 2 })

  it('is read as if it were the first', () => {
    fc.assert(
      fc.property(
        headers,
        fc.array(changes, { minLength: 4, maxLength: 12 }),
        fc.nat(9),
        (header, variants, at) => {
          const scan = new HeaderScan()
          assert.deepEqual(said(scan, header, at), said(new HeaderScan(), header, at))
          for (const variant of variants) {
            const changed = Buffer.from(header)
            for (const [place, to] of variant) changed[place % changed.length] = to
            assert.deepEqual(
              said(scan, changed, at),
              said(new HeaderScan(), changed, at),
              changed.toString('latin1'),
            )
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is not the empty one, which is refused every time', () => {
    const scan = new HeaderScan()
    for (const length of [0, 32, 0]) assert.match(String(said(scan, Buffer.alloc(length), 5)), /not JSON/)
  })

  it('is one of few that are remembered, of any length, beside binary ones', () => {
    const scan = new HeaderScan()
    for (let i = 0; i < 300; i++) {
      const extFields = { b: 'topic', i: 'k'.repeat(i * 7), e: String(i) }
      const [json, binary] = [0, 1].map((type) => encodeCommand({ code: 310, opaque: i, extFields }, type))
      for (const [type, frame] of [json, binary].entries()) {
        const header = (frame as Buffer).subarray(8)
        scan.read(header, 0, header.length, type)
        assert.deepEqual({ ...scan.fields() }, i === 0 && type === 1 ? { b: 'topic', e: '0' } : extFields)
        assert.deepEqual([scan.code, scan.opaque], [310, i])
      }
    }
  })
})
