/**
 * The bits that stand for one consumer in RocketMQ's bitmaps beside its ConsumeQueue (BloomFilterData).
 * Nothing here reads them: they are written so that RocketMQ takes back the file in which they stand.
 */
export interface BloomFilterData {
  readonly bitNum: number
  readonly bitPos: readonly number[]
}

/**
 * What RocketMQ computes for an error rate of 20 % (maxErrorRateOfBloomFilter) and 32 consumers
 * (expectConsumerNumUseFilter).
 */
const BIT_NUM = 112
const HASH_NUM = 3

const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn
const BLOCK_BYTES = 16

/** The bits of a group in a topic (BloomFilter.generate with its default settings). */
export function bloomFilterData(group: string, topic: string): BloomFilterData {
  const hash = murmur3(Buffer.from(`${group}#${topic}`))
  const low = Number(BigInt.asIntN(32, hash))
  const high = Number(BigInt.asIntN(32, hash >> 32n))
  const bitPos: number[] = []
  for (let i = 1; i <= HASH_NUM; i++) {
    const combined = (low + Math.imul(i, high)) | 0
    bitPos.push((combined < 0 ? ~combined : combined) % BIT_NUM)
  }
  return { bitNum: BIT_NUM, bitPos }
}

/**
 * The first 64 bits of MurmurHash3 x64 128 with seed 0, as Guava's `murmur3_128().hashBytes(...).asLong()`
 * gives them.
 */
export function murmur3(bytes: Buffer): bigint {
  let [h1, h2] = [0n, 0n]
  const tailAt = bytes.length - (bytes.length % BLOCK_BYTES)
  for (let at = 0; at < tailAt; at += BLOCK_BYTES) {
    h1 ^= mixed(bytes.readBigUInt64LE(at), C1, 31n, C2)
    h1 = u64((rotated(h1, 27n) + h2) * 5n + 0x52dce729n)
    h2 ^= mixed(bytes.readBigUInt64LE(at + 8), C2, 33n, C1)
    h2 = u64((rotated(h2, 31n) + h1) * 5n + 0x38495ab5n)
  }
  const tail = Buffer.alloc(BLOCK_BYTES)
  bytes.copy(tail, 0, tailAt)
  h1 ^= mixed(tail.readBigUInt64LE(0), C1, 31n, C2)
  h2 ^= mixed(tail.readBigUInt64LE(8), C2, 33n, C1)
  const length = BigInt(bytes.length)
  h1 = u64((h1 ^ length) + (h2 ^ length))
  h2 = u64(h1 + (h2 ^ length))
  return u64(finished(h1) + finished(h2))
}

function mixed(value: bigint, first: bigint, bits: bigint, second: bigint): bigint {
  return u64(rotated(u64(value * first), bits) * second)
}

function finished(value: bigint): bigint {
  let hash = u64((value ^ (value >> 33n)) * 0xff51afd7ed558ccdn)
  hash = u64((hash ^ (hash >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return hash ^ (hash >> 33n)
}

function rotated(value: bigint, bits: bigint): bigint {
  return u64(value << bits) | (value >> (64n - bits))
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}
