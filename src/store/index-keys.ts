import { byteAt } from '../protocol/big-endian.ts'
import { javaHashCode, javaHashCodeOfUtf8 } from '../protocol/java-hash.ts'
import type { PropertyScan } from '../protocol/property-scan.ts'

const SPACE = 32

/** Hash of what stands before every key of a topic in the index: `topic#`. */
export function topicKeyHash(topic: string): number {
  return javaHashCode(`${topic}#`)
}

/** The hash that an index file keeps: not negative, as IndexFile.indexKeyHashMethod makes it. */
export function indexHash(javaHash: number): number {
  const positive = Math.abs(javaHash)
  return positive > 0x7fffffff ? 0 : positive
}

/**
 * The index keys of one message: its UNIQ_KEY, then each word of KEYS (protocol/storage.md §4), as hashes of `topic#key`.
 * One instance is used again for every message.
 */
export class IndexKeys {
  hashes = new Int32Array(16)
  count = 0

  /**
   * @param topicHash see `topicKeyHash`
   * @param others where KEYS is to be found, if not in `properties`
   */
  collect(topicHash: number, properties: PropertyScan, others: PropertyScan = properties): void {
    this.count = 0
    const unique = properties.find('UNIQ_KEY')
    if (unique >= 0)
      this.#add(topicHash, properties.buffer, properties.valueAt(unique), properties.valueEnd(unique))
    const keys = others.find('KEYS')
    if (keys < 0) return
    const { buffer } = others
    const end = others.valueEnd(keys)
    let wordAt = others.valueAt(keys)
    for (let at = wordAt; at <= end; at++) {
      if (at < end && byteAt(buffer, at) !== SPACE) continue
      if (at > wordAt) this.#add(topicHash, buffer, wordAt, at)
      wordAt = at + 1
    }
  }

  #add(topicHash: number, buffer: Buffer, at: number, end: number): void {
    if (this.count === this.hashes.length) {
      const grown = new Int32Array(this.count * 2)
      grown.set(this.hashes)
      this.hashes = grown
    }
    this.hashes[this.count++] = indexHash(javaHashCodeOfUtf8(buffer, at, end, topicHash))
  }
}
