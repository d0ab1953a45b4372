import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestCodeOfBinary } from '#ternmq/protocol/binary-code.ts'
import { FrameReader, SerializeType } from '#ternmq/protocol/frame.ts'
import { languageName } from '#ternmq/protocol/language.ts'
import { decodeCommand, encodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

const vectors = frameVectors()

/** What a command is, in the words of the capture. */
function seen(command: RemotingCommand): object {
  const { code, language, version, opaque, flag, remark, extFields, body } = command
  const fields = { ...extFields }
  return {
    ...{ code, language: languageName(language), version, opaque, flag, bodyLength: body.length },
    ...{ remark: remark ?? '', extFields: fields },
  }
}

/**
 * The same from the capture. It tells an absent remark or field map from an empty one, which a command does
 * not, and shows the bits of a binary header, where a command has what they mean.
 */
function expected({ decoded }: FrameVector): object {
  const { language, version, opaque, flag, remark, bodyLength } = decoded
  const isBinary = decoded.serializeType === 'ROCKETMQ'
  const code = isBinary ? requestCodeOfBinary(decoded.code) : decoded.code
  const extFields = isBinary ? withoutEmpty(decoded.extFields ?? {}) : (decoded.extFields ?? {})
  return { code, language, version, opaque, flag, bodyLength, remark: remark ?? '', extFields }
}

/** An empty value does not survive a binary header. */
function withoutEmpty(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
}

describe('captured frames', () => {
  for (const vector of vectors) {
    it(`${vector.name} #${vector.pair} ${vector.decoded.serializeType}`, () => {
      const command = decodeCommand(vector.frame)
      assert.deepEqual(seen(command), expected(vector))
      assert.deepEqual(command.body, vector.body)
      const json = decodeCommand(encodeCommand(command, SerializeType.JSON))
      assert.deepEqual(seen(json), seen(command), 'encoded as JSON')
      const binary = decodeCommand(encodeCommand(command, SerializeType.ROCKETMQ))
      assert.deepEqual(
        seen(binary),
        seen({ ...command, extFields: withoutEmpty(command.extFields) }),
        'encoded as ROCKETMQ',
      )
      assert.deepEqual([json.body, binary.body], [vector.body, vector.body])
    })
  }

  it('come out of one stream, however it is cut', () => {
    const stream = Buffer.concat(vectors.map(({ frame }) => frame))
    for (const chunkBytes of [7, 1024, 65_536, stream.length]) {
      const reader = new FrameReader()
      const bodies: Buffer[] = []
      for (let at = 0; at < stream.length; at += chunkBytes) {
        reader.push(stream.subarray(at, at + chunkBytes))
        while (reader.next())
          bodies.push(Buffer.from(reader.buffer.subarray(reader.headerEnd, reader.bodyEnd)))
      }
      assert.equal(bodies.length, vectors.length)
      for (const [index, body] of bodies.entries()) assert.deepEqual(body, vectors[index]?.body)
    }
  })
})
