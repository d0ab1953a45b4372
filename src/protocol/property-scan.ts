import { MqError } from '../base/errors.ts'
import { byteAt } from './big-endian.ts'
import { ByteView } from './byte-view.ts'

/** Most properties of one message (reliability rule against property bombs). */
export const PROPERTIES_MAX = 512

const NAME_END = 1
const VALUE_END = 2

/** Longer texts are rare, and not remembered. */
const KNOWN_BYTES_MAX = 512

/** Length of no text. */
const UNKNOWN = -1

/**
 * Walks a property string `name \u0001 value \u0002 ...` and notes where each pair stands, without making strings.
 * As Java's parser: the last separator may be missing, pairs without a name or a value do not count, the last of a name
 * given twice wins (protocol/storage.md §2). One instance is used again for every message.
 *
 * Messages of one producer mostly have the same names, and values of the same lengths: a text that is laid out as the one before is
 * compared with it, four bytes at a time, and not walked.
 */
export class PropertyScan {
  count = 0
  buffer: Buffer = Buffer.alloc(0)
  /** Changes with the names, and the places, of the pairs. */
  layout = 0
  readonly #view = new ByteView()
  /** Where the text begins, from which all places are counted. */
  #at = 0
  readonly #nameAt = new Int32Array(PROPERTIES_MAX)
  readonly #nameEnd = new Int32Array(PROPERTIES_MAX)
  readonly #valueEnd = new Int32Array(PROPERTIES_MAX)
  /** A bit for each name that is there (`nameBit`): most names that are looked for are not. */
  #nameBits = 0
  /** The text that was remembered, four bytes a word, and the bits of each word in which no other may differ. */
  readonly #words = new Int32Array(KNOWN_BYTES_MAX / 4)
  readonly #fixed = new Int32Array(KNOWN_BYTES_MAX / 4)
  #knownBytes = UNKNOWN
  /** Bytes of the text walked last: remembered is what is as long as the one before, and may come again. */
  #walkedBytes = UNKNOWN

  /** @throws MqError messageIllegal when there are more than 512 pairs */
  read(buffer: Buffer, at: number, end: number): void {
    this.buffer = buffer
    this.#at = at
    const view = this.#view.of(buffer)
    if (end - at === this.#knownBytes && this.#fits(view, at, end)) return
    this.#knownBytes = UNKNOWN
    this.layout++
    this.#walk(view, at, end)
    const bytes = end - at
    if (bytes === this.#walkedBytes && bytes <= KNOWN_BYTES_MAX) this.#remember(view, at, end)
    this.#walkedBytes = bytes
  }

  /** @returns the index of the pair that counts for this name, -1 when there is none */
  find(name: string): number {
    const length = name.length
    if ((this.#nameBits & nameBit(length, name.charCodeAt(0))) === 0) return -1
    for (let index = this.count - 1; index >= 0; index--) {
      const at = this.#nameAt[index] as number
      if ((this.#nameEnd[index] as number) - at === length && this.#nameIs(this.#at + at, name)) return index
    }
    return -1
  }

  /** Whether any pair's name begins so. */
  hasPrefix(prefix: string): boolean {
    for (let index = 0; index < this.count; index++) {
      const at = this.#nameAt[index] as number
      const isLonger = (this.#nameEnd[index] as number) - at >= prefix.length
      if (isLonger && this.#nameIs(this.#at + at, prefix)) return true
    }
    return false
  }

  /** Where the pair begins, its name first. */
  pairAt(index: number): number {
    return this.#at + (this.#nameAt[index] as number)
  }

  name(index: number): string {
    return this.buffer.toString('utf8', this.pairAt(index), this.valueAt(index) - 1)
  }

  valueAt(index: number): number {
    return this.#at + (this.#nameEnd[index] as number) + 1
  }

  /** Where the value ends: at its separator, or at the end of the string. */
  valueEnd(index: number): number {
    return this.#at + (this.#valueEnd[index] as number)
  }

  text(index: number): string {
    return this.buffer.toString('utf8', this.valueAt(index), this.valueEnd(index))
  }

  optionalText(name: string): string | undefined {
    const index = this.find(name)
    return index < 0 ? undefined : this.text(index)
  }

  /** Whether the value is this word, in any case; `word` is lower-case ASCII. */
  isWord(index: number, word: string): boolean {
    const at = this.valueAt(index)
    if (this.valueEnd(index) - at !== word.length) return false
    for (let i = 0; i < word.length; i++)
      if ((byteAt(this.buffer, at + i) | 0x20) !== word.charCodeAt(i)) return false
    return true
  }

  #walk(view: DataView, at: number, end: number): void {
    this.count = 0
    this.#nameBits = 0
    let nameAt = at
    let nameEnd = UNKNOWN
    for (let i = at; i < end; i++) {
      while (i + 4 <= end && below3In(view.getInt32(i)) === 0) i += 4
      if (i === end) break
      const byte = view.getUint8(i)
      if (byte > VALUE_END) continue
      if (byte === NAME_END) {
        if (nameEnd < 0) nameEnd = i
      } else if (byte === VALUE_END) {
        this.#add(nameAt, nameEnd, i)
        nameAt = i + 1
        nameEnd = UNKNOWN
      }
    }
    this.#add(nameAt, nameEnd, end)
  }

  /** Whether a text, as long as the one that was remembered, differs from it only inside of values. */
  #fits(view: DataView, at: number, end: number): boolean {
    for (let i = 0; at + 4 * i < end; i++) {
      const word = wordAt(view, at + 4 * i, end)
      const known = this.#words[i] as number
      if (word === known) continue
      if (((word ^ known) & (this.#fixed[i] as number)) !== 0 || below3In(word) !== below3In(known))
        return false
    }
    return true
  }

  #remember(view: DataView, at: number, end: number): void {
    this.#knownBytes = end - at
    const wordCount = Math.ceil((end - at) / 4)
    for (let i = 0; i < wordCount; i++) this.#words[i] = wordAt(view, at + 4 * i, end)
    this.#fixed.fill(-1, 0, wordCount)
    for (let index = 0; index < this.count; index++) {
      const valueEnd = this.#valueEnd[index] as number
      for (let i = (this.#nameEnd[index] as number) + 1; i < valueEnd; i++) {
        // a 3 stays: below3In may take it for less
        if (view.getUint8(at + i) > 3)
          this.#fixed[i >>> 2] = (this.#fixed[i >>> 2] as number) & ~(0xff000000 >>> (8 * (i & 3)))
      }
    }
  }

  #add(nameAt: number, nameEnd: number, valueEnd: number): void {
    if (nameEnd <= nameAt || valueEnd <= nameEnd + 1) return
    const index = this.count
    if (index === PROPERTIES_MAX)
      throw new MqError('messageIllegal', `more than ${PROPERTIES_MAX} properties`)
    this.#nameAt[index] = nameAt - this.#at
    this.#nameEnd[index] = nameEnd - this.#at
    this.#valueEnd[index] = valueEnd - this.#at
    this.#nameBits |= nameBit(nameEnd - nameAt, byteAt(this.buffer, nameAt))
    this.count = index + 1
  }

  #nameIs(at: number, name: string): boolean {
    const buffer = this.buffer
    for (let i = name.length - 1; i >= 0; i--) if (buffer[at + i] !== name.charCodeAt(i)) return false
    return true
  }
}

/** One of 32 bits, told by a name's length and first byte. */
function nameBit(length: number, first: number): number {
  return 1 << ((length * 7 + first) & 31)
}

/** Four bytes, or as many as there are before the end and zeros behind them. */
function wordAt(view: DataView, at: number, end: number): number {
  if (at + 4 <= end) return view.getInt32(at)
  let word = 0
  for (let i = 0; i < 4; i++) word = (word << 8) | (at + i < end ? view.getUint8(at + i) : 0)
  return word
}

/**
 * Bits that say which of a word's four bytes are 0, 1 or 2: none is missed. A 3 may count as well where one of these follows it; none does
 * when the word has none of them.
 */
function below3In(word: number): number {
  return (word - 0x03030303) & ~word & 0x80808080
}
