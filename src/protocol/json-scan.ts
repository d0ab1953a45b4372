import { MqError } from '../base/errors.ts'
import { byteAt } from './big-endian.ts'

const [QUOTE, BACKSLASH, OPEN, CLOSE, COLON, COMMA] = [34, 92, 123, 125, 58, 44]
const [OPEN_ARRAY, CLOSE_ARRAY, MINUS, SMALL_N] = [91, 93, 45, 110]
const DEPTH_MAX = 8

/**
 * Walks a JSON text in UTF-8 bytes and notes places instead of making values: the ground under `HeaderScan`.
 * Strings keep their escapes. Every method throws MqError badHeader where the text is not JSON.
 */
export class JsonScan {
  keyAt = 0
  keyEnd = 0
  valueAt = 0
  valueEnd = 0
  /** Whether the last string holds a backslash. */
  valueEscaped = false
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0
  #first = false

  begin(buffer: Buffer, at: number, end: number): void {
    this.#buffer = buffer
    this.#at = at
    this.#end = end
  }

  enterObject(): void {
    this.#expect(OPEN)
    this.#first = true
  }

  /** @returns false when there is `null` in place of the object */
  enterObjectOrNull(): boolean {
    if (this.#peek() === SMALL_N) {
      this.scalarValue()
      return false
    }
    this.enterObject()
    return true
  }

  /** Moves to the next key of the object entered last and stands before its value; false behind the closing brace. */
  nextKey(): boolean {
    let next = this.#peek()
    if (next === CLOSE) {
      this.#at++
      // what stands around this object has at least one entry by now
      this.#first = false
      return false
    }
    if (!this.#first) {
      if (next !== COMMA) throw this.#bad()
      this.#at++
      next = this.#peek()
    }
    this.#first = false
    if (next !== QUOTE) throw this.#bad()
    this.#string()
    this.keyAt = this.valueAt
    this.keyEnd = this.valueEnd
    this.#expect(COLON)
    return true
  }

  /**
   * Reads a string, number or literal into `valueAt`..`valueEnd` (strings without their quotes).
   * @returns false for null, and for an object or array, which is skipped
   */
  scalarValue(): boolean {
    const next = this.#peek()
    if (next === QUOTE) {
      this.#string()
      return true
    }
    if (next === OPEN || next === OPEN_ARRAY) {
      this.#skip(0)
      return false
    }
    this.valueAt = this.#at
    this.valueEscaped = false
    const buffer = this.#buffer
    const end = this.#end
    let at = this.#at
    while (at < end && isLiteralByte(byteAt(buffer, at))) at++
    if (at === this.#at) throw this.#bad()
    this.valueEnd = this.#at = at
    return next !== SMALL_N
  }

  /**
   * An int32, as a number or as digits in a string; absent or null counts as 0, as fastjson reads it, and what is no scalar too: then
   * `valueEnd` is `valueAt`.
   */
  integerValue(): number {
    if (!this.scalarValue()) {
      this.valueEnd = this.valueAt
      return 0
    }
    const buffer = this.#buffer
    let at = this.valueAt
    const negative = buffer[at] === MINUS
    if (negative) at++
    if (at === this.valueEnd || this.valueEnd - at > 10) throw this.#bad()
    let value = 0
    for (; at < this.valueEnd; at++) {
      const digit = byteAt(buffer, at) - 48
      if (digit < 0 || digit > 9) throw this.#bad()
      value = value * 10 + digit
    }
    return (negative ? -value : value) | 0
  }

  /** A string; undefined for null and for what is no string. */
  textValue(): string | undefined {
    const isString = this.#peek() === QUOTE
    if (!this.scalarValue() || !isString) return undefined
    const text = this.#buffer.toString('utf8', this.valueAt, this.valueEnd)
    if (!this.valueEscaped) return text
    try {
      return JSON.parse(`"${text}"`)
    } catch (cause) {
      throw new MqError('badHeader', 'a string with a bad escape', { cause })
    }
  }

  skipValue(): void {
    this.#skip(0)
  }

  /** Only white space may follow. */
  finish(): void {
    this.#space()
    if (this.#at < this.#end) throw this.#bad()
  }

  #skip(depth: number): void {
    if (depth > DEPTH_MAX) throw new MqError('badHeader', `a header nested deeper than ${DEPTH_MAX}`)
    const next = this.#peek()
    if (next !== OPEN && next !== OPEN_ARRAY) {
      this.scalarValue()
      return
    }
    const close = next === OPEN ? CLOSE : CLOSE_ARRAY
    this.#at++
    for (let first = true; this.#peek() !== close; first = false) {
      if (!first) this.#expect(COMMA)
      if (next === OPEN) {
        if (this.#peek() !== QUOTE) throw this.#bad()
        this.#string()
        this.#expect(COLON)
      }
      this.#skip(depth + 1)
    }
    this.#at++
  }

  #string(): void {
    const buffer = this.#buffer
    const end = this.#end
    let at = this.#at + 1
    this.valueAt = at
    let escaped = false
    for (;;) {
      if (at >= end) throw this.#bad()
      const byte = byteAt(buffer, at)
      if (byte === QUOTE) break
      if (byte === BACKSLASH) {
        escaped = true
        at++
      }
      at++
    }
    this.valueEnd = at
    this.valueEscaped = escaped
    this.#at = at + 1
  }

  #expect(byte: number): void {
    if (this.#peek() !== byte) throw this.#bad()
    this.#at++
  }

  /** The next byte that is not white space; 0 at the end. */
  #peek(): number {
    this.#space()
    return this.#at < this.#end ? byteAt(this.#buffer, this.#at) : 0
  }

  #space(): void {
    const buffer = this.#buffer
    const end = this.#end
    let at = this.#at
    while (at < end && isSpace(byteAt(buffer, at))) at++
    this.#at = at
  }

  #bad(): MqError {
    return new MqError(
      'badHeader',
      `the header is not JSON at byte ${this.#at} before its end at ${this.#end}`,
    )
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}

/** Bytes of numbers and of true, false, null. */
function isLiteralByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 97 && byte <= 122) ||
    byte === 45 ||
    byte === 43 ||
    byte === 46 ||
    byte === 69
  )
}
