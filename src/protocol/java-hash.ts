import { byteAt } from './big-endian.ts'

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
  let hash = before
  for (let index = at; index < end; index++) {
    const byte = byteAt(source, index)
    if (byte > 0x7f) return javaHashCode(source.toString('utf8', at, end), before)
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  return hash
}
