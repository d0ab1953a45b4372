/** Text written byte by byte into a reply: what a hot answer is made of instead of strings. All return the end of what they wrote. */

import { ByteView, copyBytes } from '../../protocol/byte-view.ts'

const ZERO = 48

/** Digits that are written at once, and the first number that has more. */
const [PART_DIGITS, PART_END] = [9, 1_000_000_000]

/** Both hex digits of each byte, as they are written by one `setUint16`. */
const hexPairs = Uint16Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte.toString(16).toUpperCase().padStart(2, '0')).readUInt16BE(),
)

/** An ASCII constant of a reply. */
export function ascii(text: string): ByteView {
  const bytes = new ByteView()
  bytes.of(Buffer.from(text, 'latin1'))
  return bytes
}

export function putBytes(target: ByteView, at: number, bytes: ByteView): number {
  return copyBytes(target, at, bytes, 0, bytes.buffer.length)
}

/** A safe integer in decimal. */
export function putDecimal(target: DataView, at: number, value: number): number {
  if (value < 0) {
    target.setUint8(at, 45) // -
    return putDecimal(target, at + 1, -value)
  }
  if (value < PART_END) return putDigits(target, at, value, digitCount(value))
  const high = Math.floor(value / PART_END)
  return putDigits(target, putDecimal(target, at, high), value - high * PART_END, PART_DIGITS)
}

function putDigits(target: DataView, at: number, value: number, count: number): number {
  let rest = value | 0
  for (let to = at + count - 1; to >= at; to--) {
    const tenth = (rest / 10) | 0
    target.setUint8(to, ZERO + rest - tenth * 10)
    rest = tenth
  }
  return at + count
}

/** How many characters `putDecimal` writes. */
export function digitCount(value: number): number {
  if (value < 0) return 1 + digitCount(-value)
  let count = 1
  for (let bound = 10; value >= bound; bound *= 10) count++
  return count
}

/** A safe integer as 16 hex digits, upper case. */
export function putHex64(target: DataView, at: number, value: number): number {
  putHex32(target, at, Math.floor(value / 4_294_967_296))
  return putHex32(target, at + 8, value | 0)
}

function putHex32(target: DataView, at: number, value: number): number {
  for (let i = 0; i < 4; i++)
    target.setUint16(at + 2 * i, hexPairs[(value >>> (24 - 8 * i)) & 0xff] as number)
  return at + 8
}

/** Whether there are only letters, digits and what else needs no escape in JSON; the last bytes are looked at one by one. */
export function isPlain(view: DataView, at: number, end: number): boolean {
  let i = at
  for (; i + 4 <= end; i += 4) if (!isPlainWord(view.getInt32(i))) return false
  for (; i < end; i++) {
    const byte = view.getUint8(i)
    if (!isPlainWord((byte << 24) | (byte << 16) | (byte << 8) | byte)) return false
  }
  return true
}

/** Whether none of four bytes is below a space, a quote, a backslash, or beyond the tilde. */
function isPlainWord(word: number): boolean {
  const below = (word - 0x20202020) & ~word
  const high = word | (word + 0x01010101)
  return ((below | high | zeroBytes(word ^ 0x22222222) | zeroBytes(word ^ 0x5c5c5c5c)) & 0x80808080) === 0
}

function zeroBytes(word: number): number {
  return (word - 0x01010101) & ~word
}
