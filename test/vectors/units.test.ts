import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allocateStrategies } from '#ternmq/protocol/allocate-queues.ts'
import { bodyCrc } from '#ternmq/protocol/crc32.ts'
import { javaHashCode, javaHashCodeOfUtf8 } from '#ternmq/protocol/java-hash.ts'
import { offsetMessageIdText, parseOffsetMessageId } from '#ternmq/protocol/message-id.ts'
import { parseProperties, propertiesText } from '#ternmq/protocol/message-properties.ts'
import { checkGroup, checkTopic, isForbiddenToSend, isSystemTopic } from '#ternmq/protocol/names.ts'
import { parseTagExpression } from '#ternmq/protocol/tag-expression.ts'
import { type VectorLine, vectorLines } from './vectors.ts'

const passes = (check: (name: string) => void, name: string): boolean => {
  try {
    check(name)
    return true
  } catch {
    return false
  }
}

const checks: Readonly<Record<string, (line: VectorLine) => void>> = {
  javaStringHashCode({ input, hash }) {
    assert.equal(javaHashCode(String(input)), hash)
    const bytes = Buffer.from(`<${input}>`)
    assert.equal(javaHashCodeOfUtf8(bytes, 1, bytes.length - 1), hash)
  },
  bodyCrc32Masked({ inputUtf8, crc }) {
    assert.equal(bodyCrc(Buffer.from(String(inputUtf8))), crc)
  },
  offsetMsgId({ ip, port, offset, id }) {
    const parts = { host: { ip: String(ip), port: Number(port) }, offset: Number(offset) }
    assert.equal(offsetMessageIdText(parts), id)
    assert.deepEqual(parseOffsetMessageId(String(id)), parts)
  },
  propertiesEncode({ map, string, parsedBack }) {
    const text = propertiesText(Object.entries(map as Record<string, string>))
    assert.equal(text, string)
    assert.deepEqual(Object.fromEntries(parseProperties(text)), parsedBack)
  },
  propertiesDecode({ string, map }) {
    assert.deepEqual(Object.fromEntries(parseProperties(String(string))), map)
  },
  validateTopic({ topic, valid, system, notAllowedSend }) {
    const name = String(topic)
    assert.equal(passes(checkTopic, name), valid)
    assert.equal(isSystemTopic(name), system)
    assert.equal(isForbiddenToSend(name), notAllowedSend)
  },
  validateGroup({ group, valid }) {
    assert.equal(passes(checkGroup, String(group)), valid)
  },
  tagExpression({ expression, result }) {
    const expected = result as { subString: string; tagsSet: string[]; codeSet: number[]; error?: string }
    const parse = () => parseTagExpression(expression as string | null)
    if (expected.error !== undefined) {
      assert.throws(parse, { kind: 'subscriptionParseFailed' })
      return
    }
    const { subString, tags, codes } = parse()
    assert.equal(subString, expected.subString)
    assert.deepEqual([...tags].sort(), expected.tagsSet)
    assert.deepEqual(
      [...codes].sort((a, b) => a - b),
      expected.codeSet,
    )
  },
  allocate8queues3clients({ client, ...expected }) {
    const queues = [0, 1, 2, 3, 4, 5, 6, 7].map((queueId) => ({
      topic: 'T',
      brokerName: 'broker-a',
      queueId,
    }))
    for (const [name, strategy] of allocateStrategies) {
      const allocated = strategy({ clientId: String(client), queues, clientIds: ['c1', 'c2', 'c3'] })
      assert.deepEqual(
        allocated.map(({ queueId }) => queueId),
        expected[name],
        name,
      )
    }
  },
}

describe('units.jsonl', () => {
  for (const line of vectorLines('units.jsonl')) {
    const { kind, ...rest } = line
    it(`${kind} ${JSON.stringify(rest).slice(0, 60)}`, () => {
      const check = checks[String(kind)]
      assert.ok(check, `no check for ${kind}`)
      check(rest)
    })
  }
})
