import { MqError } from '../base/errors.ts'
import { byteAt, int32At } from './big-endian.ts'
import { Language } from './language.ts'

/** Most entries of extFields (reliability rule: a property bomb is refused, not stored). */
export const HEADER_FIELDS_MAX = 256

const LETTERS = 128

/** What a header says beside its fields. */
export interface HeaderWords {
  code: number
  language: number
  version: number
  opaque: number
  flag: number
  remark: string | undefined
}

/** Where the fields of a header stand, in bytes from where the header begins. */
export class HeaderLayout {
  fieldCount = 0
  readonly keyAt = new Int32Array(HEADER_FIELDS_MAX)
  readonly keyEnd = new Int32Array(HEADER_FIELDS_MAX)
  readonly valueAt = new Int32Array(HEADER_FIELDS_MAX)
  readonly valueEnd = new Int32Array(HEADER_FIELDS_MAX)
  /** 1 where the bytes of a value hold JSON escapes. */
  readonly escaped = new Uint8Array(HEADER_FIELDS_MAX)
  /** Field index + 1 by one-letter name: the V2 send header is read without a search. */
  readonly #letters = new Uint16Array(LETTERS)

  clear(): void {
    this.fieldCount = 0
    this.#letters.fill(0)
  }

  /** Adds the next field. */
  add(keyAt: number, keyEnd: number, valueAt: number, valueEnd: number, escaped: boolean): void {
    const index = this.fieldCount
    if (index === HEADER_FIELDS_MAX) throw new MqError('badHeader', `more than ${HEADER_FIELDS_MAX} fields`)
    this.keyAt[index] = keyAt
    this.keyEnd[index] = keyEnd
    this.valueAt[index] = valueAt
    this.valueEnd[index] = valueEnd
    this.escaped[index] = escaped ? 1 : 0
    this.fieldCount = index + 1
  }

  /** The name of the field added last is this one byte. */
  addLetter(byte: number): void {
    if (byte < LETTERS) this.#letters[byte] = this.fieldCount
  }

  /** Index of the field with this name of one ASCII letter, -1 when there is none. */
  letter(charCode: number): number {
    return (this.#letters[charCode & (LETTERS - 1)] as number) - 1
  }
}

/** Longer headers are rare, and not remembered. */
const KNOWN_BYTES_MAX = 1024

/** Length of no header. */
const UNKNOWN = -1

/** What a byte of a remembered header may become in one that is laid out like it: nothing else, text of a string, a digit. */
const [SAME, TEXT, DIGIT] = [0, 1, 2]
const [QUOTE, BACKSLASH, DIGIT_0, DIGIT_9, MINUS] = [34, 92, 48, 57, 45]

/**
 * A JSON header that was read, and where its fields stood. Clients write one header after the other that differ in a few digits: such a one is
 * recognised four bytes at a time, which costs a tenth of reading it.
 *
 * A header is laid out alike when a reader would go the same way through it: it is as long, quotes and backslashes stand where they
 * stood, and it differs only inside the strings of extFields, and in the digits of its opaque number.
 */
export class KnownHeader extends HeaderLayout implements HeaderWords {
  code = 0
  language: number = Language.JAVA
  version = 0
  opaque = 0
  flag = 0
  remark: string | undefined
  readonly #bytes = Buffer.alloc(KNOWN_BYTES_MAX)
  readonly #kinds = new Uint8Array(KNOWN_BYTES_MAX)
  /** Its bytes, four a word, and the bits of each word that differ in text at most. */
  readonly #words = new Int32Array(KNOWN_BYTES_MAX / 4)
  readonly #textBits = new Int32Array(KNOWN_BYTES_MAX / 4)
  #length = UNKNOWN
  #opaqueAt = 0
  #opaqueEnd = 0

  /** Begins to read another header. */
  override clear(): void {
    super.clear()
    this.#length = UNKNOWN
  }

  /**
   * Remembers the header at `[at, end)`, whose fields have been added.
   * @param said what was read in it
   * @param opaque where in `buffer` its opaque number stands
   */
  remember(
    buffer: Buffer,
    range: { readonly at: number; readonly end: number },
    said: HeaderWords,
    opaque: { readonly at: number; readonly end: number },
  ): void {
    const { at, end } = range
    if (end - at > KNOWN_BYTES_MAX) return
    this.#length = end - at
    this.code = said.code
    this.language = said.language
    this.version = said.version
    this.flag = said.flag
    this.remark = said.remark
    buffer.copy(this.#bytes, 0, at, end)
    this.#kinds.fill(SAME, 0, this.#length)
    for (let index = 0; index < this.fieldCount; index++) this.#freeValue(index)
    this.#opaqueAt = opaque.at - at
    this.#opaqueEnd = opaque.end - at
    for (let i = this.#opaqueAt; i < this.#opaqueEnd; i++)
      if (isDigit(byteAt(this.#bytes, i))) this.#kinds[i] = DIGIT
    this.#noteWords()
  }

  /** Whether the header at `[at, end)` of a buffer is laid out as this one; `opaque` is its own then. */
  fits(view: DataView, at: number, end: number): boolean {
    const bytes = end - at
    if (bytes !== this.#length) return false
    const wordCount = bytes >>> 2
    for (let i = 0; i < wordCount; i++) {
      const word = view.getInt32(at + 4 * i)
      const known = this.#words[i] as number
      if (word === known) continue
      const differs = (word ^ known) & ~(this.#textBits[i] as number)
      const isAlike = differs === 0 && marksIn(word) === marksIn(known)
      if (!isAlike && !this.#mayDiffer(view, at, 4 * i, 4 * i + 4)) return false
    }
    if (!this.#mayDiffer(view, at, 4 * wordCount, bytes)) return false
    this.opaque = this.#opaqueIn(view, at)
    return true
  }

  #noteWords(): void {
    const wordCount = this.#length >>> 2
    for (let i = 0; i < wordCount; i++) {
      let textBits = 0
      for (let at = 4 * i; at < 4 * i + 4; at++)
        textBits =
          (textBits << 8) | (this.#kinds[at] === TEXT && !isNextToMark(byteAt(this.#bytes, at)) ? 0xff : 0)
      this.#textBits[i] = textBits
      this.#words[i] = int32At(this.#bytes, 4 * i)
    }
  }

  #mayDiffer(view: DataView, at: number, from: number, end: number): boolean {
    for (let i = from; i < end; i++) {
      const byte = view.getUint8(at + i)
      if (byte === this.#bytes[i]) continue
      const kind = this.#kinds[i]
      if (kind === SAME || byte === QUOTE || byte === BACKSLASH || (kind === DIGIT && !isDigit(byte)))
        return false
    }
    return true
  }

  /** Lets the text of a string differ, but for its backslashes. */
  #freeValue(index: number): void {
    const [at, end] = [this.valueAt[index] as number, this.valueEnd[index] as number]
    if (this.#bytes[at - 1] !== QUOTE) return
    for (let i = at; i < end; i++)
      if (this.#bytes[i] !== BACKSLASH && this.#bytes[i] !== QUOTE) this.#kinds[i] = TEXT
  }

  /** As JsonScan.integerValue. */
  #opaqueIn(view: DataView, at: number): number {
    let value = 0
    for (let i = this.#opaqueAt; i < this.#opaqueEnd; i++) {
      const byte = view.getUint8(at + i)
      if (isDigit(byte)) value = value * 10 + byte - DIGIT_0
    }
    return (this.#bytes[this.#opaqueAt] === MINUS ? -value : value) | 0
  }
}

/**
 * Bits that say which of a word's four bytes are quotes or backslashes: none is missed. What comes right behind one of these in ASCII may count
 * as well where one of these follows it.
 */
function marksIn(word: number): number {
  return zeroBytesIn(word ^ 0x22222222) | zeroBytesIn(word ^ 0x5c5c5c5c)
}

function zeroBytesIn(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080
}

/** Whether `marksIn` may take it for a quote or a backslash. */
function isNextToMark(byte: number): boolean {
  return (byte ^ 1) === QUOTE || (byte ^ 1) === BACKSLASH
}

function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9
}
