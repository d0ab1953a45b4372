import { ByteView } from './byte-view.ts'

const sourceView = new ByteView()

/**
 * Java's `String.hashCode`: h = 31 h + c over the UTF-16 units, as a signed 32-bit integer.
 * @param before the hash of text in front of it, 0 for none
 */
export function javaHashCode(text: string, before = 0): number {
  let hash = before
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}

/**
 * `javaHashCode` of the text whose UTF-8 bytes stand at `[at, end)`. A string is only made when they are not
 * plain ASCII.
 * @param before the hash of text in front of it, 0 for none
 */
export function javaHashCodeOfUtf8(source: Buffer, at: number, end: number, before = 0): number {
  const view = sourceView.of(source)
  let hash = before
  let index = at
  for (; index + 4 <= end; index += 4) {
    const word = view.getInt32(index)
    if ((word & NOT_ASCII) !== 0) return javaHashCode(source.toString('utf8', at, end), before)
    const high = Math.imul(31, word >>> 24) + ((word >>> 16) & 0xff)
    const low = Math.imul(31, (word >>> 8) & 0xff) + (word & 0xff)
    // 31 to the fourth, and squared
    hash = (Math.imul(hash, 923_521) + Math.imul(high, 961) + low) | 0
  }
  for (; index < end; index++) {
    const byte = view.getUint8(index)
    if (byte > 0x7f) return javaHashCode(source.toString('utf8', at, end), before)
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  return hash
}

/** In a word of four bytes, what none of ASCII has. */
const NOT_ASCII = 0x80808080
