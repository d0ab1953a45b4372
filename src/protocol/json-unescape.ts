import { MqError } from '../base/errors.ts'
import { byteAt } from './big-endian.ts'
import { ByteView } from './byte-view.ts'

const BACKSLASH = 92
const SMALL_U = 117

/** `u000`, of the escapes that separate properties. */
const U_000 = 0x75303030

const sourceView = new ByteView()
const targetView = new ByteView()

const REPLACEMENT = 0xfffd

/**
 * Copies the inside of a JSON string to `target`, resolving its escapes to UTF-8; never longer than the source.
 * @returns the end of what was written
 * @throws MqError badHeader at an escape that JSON does not know
 */
export function unescapeJson(
  source: Buffer,
  from: number,
  end: number,
  target: Buffer,
  targetAt: number,
): number {
  const view = sourceView.of(source)
  const into = targetView.of(target)
  let at = from
  let to = targetAt
  while (at < end) {
    // four bytes at once; where fewer are left, the word holds a backslash
    const word = at + 4 <= end ? view.getInt32(at) : BACKSLASH
    if (!hasBackslash(word)) {
      into.setInt32(to, word)
      at += 4
      to += 4
      continue
    }
    const byte = byteAt(source, at++)
    if (byte !== BACKSLASH) {
      target[to++] = byte
      continue
    }
    const separator = at + 5 <= end ? separatorAt(view, source, at) : -1
    if (separator >= 0) {
      target[to++] = separator
      at += 5
      continue
    }
    const escaped = byteAt(source, at++)
    if (escaped !== SMALL_U) {
      target[to++] = simpleEscape(escaped)
      continue
    }
    const codePoint = unicodeEscape(source, at, end)
    at += codePoint > 0xffff ? 10 : 4
    to = putUtf8(target, to, codePoint)
  }
  return to
}

/** The character for which `u000X` at `at` stands; negative where something else is there. */
function separatorAt(view: DataView, source: Buffer, at: number): number {
  return view.getInt32(at) === U_000 ? hexDigit(byteAt(source, at + 4)) : -1
}

/**
 * The code point whose digits stand at `at`, behind `\u`; above U+FFFF it takes a second escape with it. Half a pair becomes
 * U+FFFD.
 */
function unicodeEscape(source: Buffer, at: number, end: number): number {
  const unit = hex4(source, at, end)
  if (unit < 0xd800 || unit > 0xdfff) return unit
  const isFollowed = at + 10 <= end && source[at + 4] === BACKSLASH && source[at + 5] === SMALL_U
  const low = isFollowed ? hex4(source, at + 6, end) : 0
  const isPair = unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff
  return isPair ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : REPLACEMENT
}

function simpleEscape(escaped: number): number {
  switch (escaped) {
    case 34: // "
    case 47: // /
    case BACKSLASH:
      return escaped
    case 98: // b
      return 8
    case 102: // f
      return 12
    case 110: // n
      return 10
    case 114: // r
      return 13
    case 116: // t
      return 9
    default:
      throw new MqError('badHeader', `a string with the escape \\${String.fromCharCode(escaped)}`)
  }
}

function hex4(source: Buffer, at: number, end: number): number {
  if (at + 4 > end) throw new MqError('badHeader', 'a string that ends within an escape')
  let value = 0
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(byteAt(source, at + i))
    if (digit < 0) throw new MqError('badHeader', 'a string with a bad \\u escape')
    value = (value << 4) | digit
  }
  return value
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

function putUtf8(target: Buffer, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    target[at] = codePoint
    return at + 1
  }
  if (codePoint < 0x800) {
    target[at] = 0xc0 | (codePoint >> 6)
    target[at + 1] = 0x80 | (codePoint & 63)
    return at + 2
  }
  if (codePoint < 0x10000) {
    target[at] = 0xe0 | (codePoint >> 12)
    target[at + 1] = 0x80 | ((codePoint >> 6) & 63)
    target[at + 2] = 0x80 | (codePoint & 63)
    return at + 3
  }
  target[at] = 0xf0 | (codePoint >> 18)
  target[at + 1] = 0x80 | ((codePoint >> 12) & 63)
  target[at + 2] = 0x80 | ((codePoint >> 6) & 63)
  target[at + 3] = 0x80 | (codePoint & 63)
  return at + 4
}

/** Whether any of a word's four bytes is a backslash. */
function hasBackslash(word: number): boolean {
  const difference = word ^ 0x5c5c5c5c
  return ((difference - 0x01010101) & ~difference & 0x80808080) !== 0
}
