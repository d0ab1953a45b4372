import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MqError } from '#ternmq/base/errors.ts'
import { FRAME_LENGTH_MAX, FrameReader } from '#ternmq/protocol/frame.ts'
import { decodeCommand } from '#ternmq/protocol/remoting-command.ts'
import { frameVectors } from '../vectors/vectors.ts'
import { bodySamples } from './body-samples.ts'
import { fuzzProtocol } from './protocol-fuzz.ts'

/** Frames of both serialisations, requests and responses, small enough to be cut everywhere. */
const frames = frameVectors()
  .filter(({ frame, body }) => frame.length < 1500 && body.length < 200)
  .filter((_, index) => index % 25 === 0)
  .map(({ frame }) => frame)

// hundreds of thousands of refusals: half of the time would go into stack traces that nobody reads
const { stackTraceLimit } = Error
before(() => {
  Error.stackTraceLimit = 1
})
after(() => {
  Error.stackTraceLimit = stackTraceLimit
})

/** Runs a reader; true when it gave a value, false when it refused, and anything else fails the test. */
function isRead(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof MqError) return false
    throw error
  }
}

/** Every place of a body of usual size. Large ones repeat themselves: every place at first, then every eleventh. */
function* places(from: number, end: number): Generator<number> {
  for (let at = from; at < end; at += at < 300 ? 1 : 11) yield at
}

describe('frames', () => {
  it('wait for their rest, wherever they are cut, and are then read', () => {
    for (const frame of frames) {
      for (let cut = 0; cut < frame.length; cut++) {
        const reader = new FrameReader()
        reader.push(frame.subarray(0, cut))
        assert.equal(reader.next(), false)
        reader.push(frame.subarray(cut))
        assert.equal(reader.next(), true, `cut at ${cut}`)
        assert.equal(reader.next(), false)
      }
    }
  })

  it('are refused when a header is cut, the lengths being right', () => {
    for (const frame of frames) {
      const headerEnd = 8 + frame.readUIntBE(5, 3)
      for (let cut = 8; cut < headerEnd; cut++) {
        const short = Buffer.from(frame.subarray(0, cut))
        short.writeInt32BE(cut - 4)
        short.writeUIntBE(cut - 8, 5, 3)
        assert.throws(() => decodeCommand(short), { kind: 'badHeader' }, `header of ${cut - 8} bytes`)
      }
    }
  })

  it('take no memory by the size they claim', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader()
      const claim = Buffer.alloc(100)
      claim.writeInt32BE(FRAME_LENGTH_MAX)
      claim[7] = 10
      reader.push(claim)
      assert.equal(reader.next(), false)
      return reader
    })
    const grownBytes = process.memoryUsage().arrayBuffers - before
    assert.ok(grownBytes < 4_000_000, `${readers.length} readers of 100 bytes each took ${grownBytes}`)
  })

  it('are refused or read, but never more, with any four bytes an edge number', () => {
    for (const frame of frames) {
      for (let at = 0; at + 4 <= frame.length; at++) {
        for (const lie of [-1, 0, 1, 0x7fff_ffff, -0x8000_0000, frame.length]) {
          const lying = Buffer.from(frame)
          lying.writeInt32BE(lie, at)
          isRead(() => decodeCommand(lying))
        }
      }
    }
  })
})

describe('bodies', () => {
  for (const { name, body, codec, isCuttable } of bodySamples()) {
    it(`${name}: a beginning is refused, or comes back when it is written`, () => {
      for (const end of places(1, body.length)) {
        const cut = body.subarray(0, end)
        const wasRead = isRead(() => assert.deepEqual(codec(codec(cut).again).again, codec(cut).again))
        if (!isCuttable) assert.equal(wasRead, false, `${end} bytes of ${body.length}`)
      }
    })

    it(`${name}: lies in any byte and any four bytes are refused, or come back when they are written`, () => {
      for (const at of places(0, Math.min(body.length, 600))) {
        const lying = Buffer.from(body)
        lying[at] = (lying[at] ?? 0) ^ 0x81
        isRead(() => codec(lying))
        if (at + 4 > body.length) continue
        for (const lie of [-1, 0x7fff_ffff, body.length]) {
          lying.writeInt32BE(lie, at)
          isRead(() => codec(lying))
        }
      }
    })
  }
})

describe('200,000 changed frames', () => {
  const freshSeed = String(Date.now())
  for (const seed of ['ternmq', freshSeed]) {
    it(`are read or refused (seed ${seed})`, () => {
      const report = fuzzProtocol({ seed, frames: 100_000 })
      const refusals = [...report.refused.values()].reduce((sum, count) => sum + count, 0)
      // The changes must reach what lies behind the first check: many are read, and many refused.
      assert.ok(
        report.headersRead > 30_000 && report.bodiesRead > 10_000 && refusals > 30_000,
        JSON.stringify(report),
      )
      assert.ok(report.slowestMs < 5_000, `one frame took ${report.slowestMs} ms`)
    })
  }
})
