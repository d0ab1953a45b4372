/** Text written byte by byte into a reply: what a hot answer is made of instead of strings. All return the end of what they wrote. */

const [ZERO] = [48]
const HEX = Buffer.from('0123456789ABCDEF')

/** An ASCII constant of a reply. */
export function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

export function putBytes(target: Buffer, at: number, bytes: Buffer): number {
  const count = bytes.length
  for (let i = 0; i < count; i++) target[at + i] = bytes[i] as number
  return at + count
}

/** A safe integer in decimal. */
export function putDecimal(target: Buffer, at: number, value: number): number {
  if (value < 0) {
    target[at] = 45 // -
    return putDecimal(target, at + 1, -value)
  }
  const end = at + digitCount(value)
  let rest = value
  for (let to = end - 1; to >= at; to--) {
    const tenth = Math.floor(rest / 10)
    target[to] = ZERO + rest - tenth * 10
    rest = tenth
  }
  return end
}

/** How many characters `putDecimal` writes. */
export function digitCount(value: number): number {
  if (value < 0) return 1 + digitCount(-value)
  let count = 1
  for (let bound = 10; value >= bound; bound *= 10) count++
  return count
}

/** A safe integer as 16 hex digits, upper case. */
export function putHex64(target: Buffer, at: number, value: number): number {
  putHex32(target, at, Math.floor(value / 4_294_967_296))
  return putHex32(target, at + 8, value >>> 0)
}

function putHex32(target: Buffer, at: number, value: number): number {
  for (let i = 0; i < 8; i++) target[at + i] = HEX[(value >>> (28 - 4 * i)) & 15] as number
  return at + 8
}
