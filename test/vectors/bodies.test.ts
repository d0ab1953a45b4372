import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bodyCrc } from '#ternmq/protocol/crc32.ts'
import { type FastJson, readFastJson } from '#ternmq/protocol/fastjson.ts'
import { writeFastJson } from '#ternmq/protocol/fastjson-writer.ts'
import { hostAddressText } from '#ternmq/protocol/host-address.ts'
import { decodeBatch, encodeBatch } from '#ternmq/protocol/message-batch.ts'
import { decodeMessages, encodeMessage } from '#ternmq/protocol/message-codec.ts'
import { bodyCodecs } from './body-codecs.ts'
import { type DecodedBatchEntry, type DecodedMessage, type FrameVector, frameVectors } from './vectors.ts'

const vectors = frameVectors().filter(({ body }) => body.length > 0)

/** Bodies that are neither JSON nor text: the timer checkpoint, which slaves copy as it is. */
const binaryCodes = new Set([60])

/**
 * Bodies that the Java name server and broker write without fractions and defaults: ours are the same to the
 * byte.
 */
const exactBodies = new Set(
  ['21', '38', '43', '45', '106', '201', '206', '220', '222', '300', '351', '400', '402', '41', '105', '321']
    .map((code) => `${code} response`)
    .concat('103 request', '200 request', '220 request', '401 request'),
)

function checkMessages(body: Buffer, expected: readonly DecodedMessage[]): void {
  const messages = decodeMessages(body)
  const seen = messages.map((message, index): DecodedMessage => {
    const hex = message.body.toString('hex')
    const text = message.body.toString('utf8')
    // The capture shows long bodies by their beginning.
    const shown = expected[index]?.bodyHex.endsWith('...')
      ? (expected[index]?.bodyHex.length ?? 0) - 3
      : hex.length
    return {
      totalSize: message.storeSizeBytes,
      magic: encodeMessage(message).readInt32BE(4),
      bodyCrc: message.bodyCrc,
      crcOk: bodyCrc(message.body) === message.bodyCrc,
      queueId: message.queueId,
      flag: message.flag,
      queueOffset: message.queueOffset,
      physicalOffset: message.commitLogOffset,
      sysFlag: message.sysFlag,
      bornTimestamp: message.bornTimestamp,
      bornHost: hostAddressText(message.bornHost),
      storeTimestamp: message.storeTimestamp,
      storeHost: hostAddressText(message.storeHost),
      reconsumeTimes: message.reconsumeTimes,
      preparedTransactionOffset: message.preparedTransactionOffset,
      bodyLen: message.body.length,
      bodyHex: shown < hex.length ? `${hex.slice(0, shown)}...` : hex,
      bodyText: shown === hex.length && Buffer.from(text).equals(message.body) ? text : null,
      topic: message.topic,
      propertiesRaw: message.propertiesBytes.toString('utf8'),
      properties: Object.fromEntries(message.properties),
    }
  })
  assert.deepEqual(seen, expected)
  assert.deepEqual(Buffer.concat(messages.map(encodeMessage)), body, 'encoded again')
}

function checkBatch(body: Buffer, expected: readonly DecodedBatchEntry[]): void {
  const entries = decodeBatch(body)
  const seen = entries.map(
    (entry): DecodedBatchEntry => ({
      totalSize: 22 + entry.body.length + entry.propertiesBytes.length,
      magic: 0,
      bodyCrc: 0,
      flag: entry.flag,
      bodyText: String(entry.body),
      propertiesRaw: String(entry.propertiesBytes),
    }),
  )
  assert.deepEqual(seen, expected)
  assert.deepEqual(encodeBatch(entries), body, 'encoded again')
}

/** What the reader makes of the text is what the capture says, as far as JSON can say it. */
function checkJson(text: string, bodyJson: unknown): void {
  const value = readFastJson(text)
  const nonStandard = Object(bodyJson).nonStandardJsonText
  if (nonStandard === undefined) assert.deepEqual(asJson(value), bodyJson)
  else assert.equal(text, nonStandard)
  assert.deepEqual(readFastJson(writeFastJson(value)), value, 'written and read again')
}

function checkCodec(vector: FrameVector): void {
  const name = `${vector.requestCode} ${vector.part}`
  const codec = bodyCodecs.get(name)
  assert.ok(codec, `no codec for ${name}`)
  const { decoded, again } = codec(vector.body)
  assert.deepEqual(codec(again), { decoded, again }, 'decoded, encoded, decoded, encoded')
  const [text, textAgain] = [vector.body.toString('utf8'), again.toString('utf8')]
  if (exactBodies.has(name) || !text.startsWith('{')) assert.equal(textAgain, text)
  else assertHolds(readFastJson(textAgain), readFastJson(text), 'body')
}

/**
 * Every field of `part` is in `whole` with the same value: nothing was lost, defaults may have been added.
 */
function assertHolds(whole: FastJson, part: FastJson, path: string): void {
  if (part instanceof Map) {
    assert.deepEqual(whole, part, path)
  } else if (Array.isArray(part)) {
    assert.ok(Array.isArray(whole) && whole.length === part.length, path)
    for (const [index, item] of part.entries()) assertHolds(whole[index], item, `${path}[${index}]`)
  } else if (typeof part === 'object' && part !== null) {
    for (const [name, field] of Object.entries(part))
      assertHolds(Object(whole)[name], field, `${path}.${name}`)
  } else assert.deepEqual(whole, part, path)
}

/** The value as JSON.parse would have read it: big integers rounded, objects with a prototype. */
function asJson(value: FastJson): unknown {
  return JSON.parse(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item)))
}

function checkBody(vector: FrameVector): void {
  const { body, decoded, requestCode } = vector
  if (decoded.bodyMessages !== undefined) checkMessages(body, decoded.bodyMessages)
  else if (decoded.bodyBatch !== undefined) checkBatch(body, decoded.bodyBatch)
  else if (typeof decoded.bodyText === 'string') assert.equal(String(body), decoded.bodyText)
  else if (!binaryCodes.has(requestCode)) {
    const text = body.toString('utf8')
    if (text.startsWith('{')) checkJson(text, decoded.bodyJson)
    else assert.deepEqual(decoded.bodyJson, { text })
    checkCodec(vector)
  }
}

describe('bodies of the captured frames', () => {
  for (const vector of vectors) it(`${vector.name} #${vector.pair}`, () => checkBody(vector))

  it('are many, of many kinds', () => {
    assert.ok(vectors.length > 200, `${vectors.length} bodies`)
    const codes = new Set(vectors.map(({ requestCode }) => requestCode))
    assert.ok(codes.size > 40, `${codes.size} codes`)
  })
})
