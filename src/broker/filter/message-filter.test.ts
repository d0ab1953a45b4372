import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { javaHashCode } from '../../protocol/java-hash.ts'
import { propertiesText } from '../../protocol/message-properties.ts'
import { PROPERTIES_MAX, PropertyScan } from '../../protocol/property-scan.ts'
import { RecordDraft } from '../../protocol/record-draft.ts'
import { RetryMessageFilter, SqlMessageFilter, TagFilter } from './message-filter.ts'
import { readRecordProperties } from './record-properties.ts'
import { compileSql } from './sql-filter.ts'

/** Where records stand in their buffers: something is before and behind them. */
const AT = 7

interface Shape {
  readonly topic?: string
  readonly hostBytes?: number
  readonly body?: string
}

/** A record among other bytes, with its end. */
function recordOf(
  properties: Iterable<readonly [string, string]>,
  shape: Shape = {},
): { buffer: Buffer; end: number } {
  const draft = new RecordDraft()
  draft.topic = Buffer.from(shape.topic ?? 'orders')
  draft.body = Buffer.from(shape.body ?? 'a body')
  draft.bodyEnd = draft.body.length
  draft.bornHost = Buffer.alloc(shape.hostBytes ?? 8, 1)
  draft.storeHost = Buffer.alloc(shape.hostBytes ?? 8, 2)
  draft.properties = Buffer.from(propertiesText(properties))
  draft.propertiesEnd = draft.properties.length
  const buffer = Buffer.alloc(AT + draft.bytes + 9, 0xff)
  return { buffer, end: draft.put(buffer, AT, 1234) }
}

const shapes: readonly Shape[] = [
  {},
  { body: '' },
  { hostBytes: 20 },
  { topic: 't'.repeat(127) },
  { topic: 't'.repeat(128) },
  { topic: 't'.repeat(255), hostBytes: 20, body: 'x'.repeat(5000) },
]

describe('readRecordProperties', () => {
  it('finds them behind every shape of record', () => {
    const scan = new PropertyScan()
    for (const shape of shapes) {
      const { buffer, end } = recordOf([['a', '5']], shape)
      assert.equal(readRecordProperties(scan, buffer, AT, end), true)
      assert.deepEqual([scan.count, scan.optionalText('a')], [1, '5'])
    }
  })

  it('reads nothing beyond a record that is cut', () => {
    const scan = new PropertyScan()
    for (const shape of shapes) {
      const { buffer, end } = recordOf([['a', '5']], shape)
      for (let cut = AT; cut < end; cut++) assert.equal(readRecordProperties(scan, buffer, AT, cut), false)
    }
  })

  it('refuses lengths that lead out of the record', () => {
    const { buffer, end } = recordOf([['a', '5']])
    buffer.writeInt32BE(-1, AT + 84)
    assert.equal(readRecordProperties(new PropertyScan(), buffer, AT, end), false)
    buffer.writeInt32BE(0x7fffffff, AT + 84)
    assert.equal(readRecordProperties(new PropertyScan(), buffer, AT, end), false)
  })
})

describe('TagFilter', () => {
  it('goes by the low 32 bits of the tags code, as RocketMQ does', () => {
    const filter = new TagFilter(new Set([javaHashCode('TagA'), javaHashCode('AaAa'), -5]))
    assert.equal(filter.mayMatch(javaHashCode('TagA')), true)
    assert.equal(filter.mayMatch(javaHashCode('BBBB')), true)
    assert.equal(filter.mayMatch(javaHashCode('TagB')), false)
    assert.equal(filter.mayMatch(0), false)
    assert.equal(filter.mayMatch(-5), true)
    assert.equal(filter.mayMatch(2 ** 40 - 5), true)
  })
})

describe('SqlMessageFilter', () => {
  it('asks for the message whatever its tag, and goes by its properties', () => {
    const filter = new SqlMessageFilter(compileSql("a > 5 AND TAGS = 'x'"))
    assert.equal(filter.mayMatch(), true)
    const passes = (properties: Record<string, string>) => {
      const { buffer, end } = recordOf(Object.entries(properties))
      return filter.matchesRecord(buffer, AT, end)
    }
    assert.equal(passes({ a: '6', TAGS: 'x' }), true)
    assert.equal(passes({ a: '5', TAGS: 'x' }), false)
    assert.equal(passes({}), false)
  })

  it('lets nothing pass that it cannot look at', () => {
    const filter = new SqlMessageFilter(compileSql('TRUE'))
    const { buffer, end } = recordOf(
      Array.from({ length: PROPERTIES_MAX + 1 }, (_, i) => [`n${i}`, 'v'] as const),
    )
    assert.equal(filter.matchesRecord(buffer, AT, end), false)
    assert.equal(filter.matchesRecord(buffer, AT, AT + 50), false)
  })
})

describe('RetryMessageFilter', () => {
  it('goes by what the group wants of the topic that a message came from', () => {
    const expressions = new Map([['orders', compileSql('a > 5')]])
    const filter = new RetryMessageFilter((topic) => expressions.get(topic))
    const passes = (properties: Record<string, string>) => {
      const { buffer, end } = recordOf(Object.entries(properties))
      return filter.matchesRecord(buffer, AT, end)
    }
    assert.equal(passes({ a: '6', RETRY_TOPIC: 'orders' }), true)
    assert.equal(passes({ a: '5', RETRY_TOPIC: 'orders' }), false)
    assert.equal(passes({ a: '5', RETRY_TOPIC: 'others' }), true)
    assert.equal(passes({ a: '5' }), true)
  })
})
