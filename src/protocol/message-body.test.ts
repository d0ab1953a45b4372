import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { optionalCodec } from '../base/host/optional-codecs.ts'
import { COMPRESSION_FLAGS, compressBody, decompressBody } from './message-body.ts'

/** Zstandard came with Node.js 22.15. */
const here = (['zlib', 'lz4', 'zstd'] as const).filter((name) => name !== 'zstd' || optionalCodec('zstd'))

const TEXT = 'RocketMQ '.repeat(60)

/** What the compressors of rocketmq-common 5.5.0 make of the text. */
const byJava = {
  zlib: '785e0bca4fce4e2df10d54081a658c32501900f515bce9',
  lz4: '04224d18607073140000009f526f636b65744d51200900fffc5065744d512000000000',
  zstd: '28b52ffd005884000048526f636b65744d5120010010589523010000',
}

describe('message body', () => {
  for (const compression of here) {
    it(`comes back from ${compression}`, () => {
      const body = Buffer.alloc(10_000, 'abc')
      const compressed = compressBody(body, compression)
      assert(compressed.length < 500)
      assert.deepEqual(decompressBody(compressed, COMPRESSION_FLAGS[compression], body.length), body)
    })

    it(`is read as Java's clients write it in ${compression}`, () => {
      const bytes = Buffer.from(byJava[compression], 'hex')
      assert.equal(decompressBody(bytes, COMPRESSION_FLAGS[compression], 1000).toString(), TEXT)
    })

    it(`refuses what would grow beyond the limit, and what is no ${compression}`, () => {
      const flag = COMPRESSION_FLAGS[compression]
      const bomb = compressBody(Buffer.alloc(10_000_000), compression)
      assert.throws(() => decompressBody(bomb, flag, 1_000_000), { kind: 'badRecord' })
      assert.throws(() => decompressBody(Buffer.from('plain'), flag, 100), { kind: 'badRecord' })
      assert.throws(() => decompressBody(bomb.subarray(0, 50), flag, 20_000_000), { kind: 'badRecord' })
    })
  }

  it('says what is missing where a codec is', { skip: here.includes('zstd') }, () => {
    assert.throws(() => compressBody(Buffer.alloc(10_000), 'zstd'), {
      kind: 'notSupported',
      message: 'zstd wants Node.js 22.15, or 23.8, which is not here',
    })
  })
})
