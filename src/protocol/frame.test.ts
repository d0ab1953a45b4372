import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FRAME_LENGTH_MAX, FrameReader } from './frame.ts'
import { encodeCommand } from './remoting-command.ts'

const small = encodeCommand({ code: 34, opaque: 1, body: Buffer.from('small') })
const large = encodeCommand({ code: 310, opaque: 2, body: Buffer.alloc(20_000, 'x') }, 1)

/** Feeds the stream in pieces of the given sizes, over and over, and gives back the frames. */
function framesOf(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const reader = new FrameReader()
  const frames: Buffer[] = []
  for (let at = 0, piece = 0; at < stream.length; piece++) {
    const size = sizes[piece % sizes.length] ?? 1
    reader.push(Buffer.from(stream.subarray(at, at + size)))
    at += size
    while (reader.next()) frames.push(reader.buffer.subarray(reader.headerAt - 8, reader.bodyEnd))
  }
  assert.equal(reader.restBytes, 0)
  return frames
}

describe('FrameReader', () => {
  const stream = Buffer.concat([small, large, small, small, large])

  it('finds the same frames however the stream is cut', () => {
    const whole = framesOf(stream, [stream.length])
    assert.deepEqual(whole, [small, large, small, small, large])
    for (const sizes of [[1], [7], [3, 1, 2], [small.length], [4096], [large.length - 1, 2], [65_536]]) {
      assert.deepEqual(framesOf(stream, sizes), whole, `pieces of ${sizes}`)
    }
  })

  it('never writes again to what it handed out', () => {
    const frames = framesOf(stream, [1000, 24])
    assert.deepEqual(Buffer.concat(frames), stream)
  })

  it('goes on with what it held of a chunk that was taken back', () => {
    const reader = new FrameReader()
    const chunk = Buffer.from(stream)
    reader.push(chunk)
    assert.ok(reader.next())
    reader.hold()
    chunk.fill(0)
    const rest: Buffer[] = []
    while (reader.next()) rest.push(reader.buffer.subarray(reader.headerAt - 8, reader.bodyEnd))
    assert.deepEqual(rest, [large, small, small, large])
  })

  it('waits at every cut of a frame', () => {
    for (let cut = 0; cut < small.length; cut++) {
      const reader = new FrameReader()
      reader.push(small.subarray(0, cut))
      assert.equal(reader.next(), false)
    }
  })

  it('refuses lying lengths as soon as it has seen them', () => {
    for (const [length, headerLength] of [
      [-1, 0],
      [0, 0],
      [3, 0],
      [FRAME_LENGTH_MAX + 1, 10],
      [20, 17],
      [2_147_483_647, 1],
      [1_000_000, 900_000],
    ] as const) {
      const prefix = Buffer.alloc(8)
      prefix.writeInt32BE(length, 0)
      prefix.writeInt32BE(headerLength, 4)
      const reader = new FrameReader()
      reader.push(prefix)
      assert.throws(() => reader.next(), { kind: 'badFrame' }, `length ${length}, header ${headerLength}`)
    }
  })

  it('refuses an unknown serialize type', () => {
    const frame = Buffer.from(small)
    frame[4] = 2
    const reader = new FrameReader()
    reader.push(frame)
    assert.throws(() => reader.next(), { kind: 'badFrame' })
  })

  it('takes memory for the bytes that came, not for those claimed', () => {
    const reader = new FrameReader()
    const prefix = Buffer.alloc(9)
    prefix.writeInt32BE(FRAME_LENGTH_MAX, 0)
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => new FrameReader())
    for (const each of [reader, ...readers]) {
      each.push(prefix)
      assert.equal(each.next(), false)
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000)
  })
})
