import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bloomFilterData, murmur3 } from './bloom-filter.ts'

describe('bloomFilterData', () => {
  it('gives a consumer the bits that RocketMQ gives it', () => {
    // consumerFilter.json of a RocketMQ 5.3.3 broker
    assert.deepEqual(bloomFilterData('CG_FIX_SQL', 'F_NORMAL'), { bitNum: 112, bitPos: [72, 55, 71] })
    // BloomFilter of rocketmq-filter 5.5.0
    assert.deepEqual(bloomFilterData('CG_日本', 'T').bitPos, [92, 105, 47])
  })
})

describe('murmur3', () => {
  it('hashes as Guava does, whatever the length', () => {
    const hashes: Readonly<Record<string, bigint>> = {
      '': 0n,
      a: 0x85555565f6597889n,
      abcdefgh: 0xcc8a0ab037ef8c02n,
      abcdefghi: 0x547c0cff13c7964n,
      '0123456789abcdef': 0x4be06d94cf4ad1a7n,
      '0123456789abcdef0': 0xeb24ae8785a5c075n,
      '0123456789abcdef0123456789abcde': 0x9afbac977e4daf00n,
      '0123456789abcdef0123456789abcdef': 0x4f3a26b5d6197cban,
    }
    for (const [text, hash] of Object.entries(hashes)) assert.equal(murmur3(Buffer.from(text)), hash, text)
  })
})
