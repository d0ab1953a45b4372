import { MqError } from '../base/errors.ts'
import { byteAt } from './big-endian.ts'
import { ByteView } from './byte-view.ts'

/** Most properties of one message (reliability rule against property bombs). */
export const PROPERTIES_MAX = 512

const NAME_END = 1
const VALUE_END = 2

/**
 * Walks a property string `name \u0001 value \u0002 ...` and notes where each pair stands, without making strings.
 * As Java's parser: the last separator may be missing, pairs without a name or a value do not count, the last of a name
 * given twice wins (protocol/storage.md §2). One instance is used again for every message.
 */
export class PropertyScan {
  count = 0
  buffer: Buffer = Buffer.alloc(0)
  readonly #view = new ByteView()
  readonly #nameAt = new Int32Array(PROPERTIES_MAX)
  readonly #nameEnd = new Int32Array(PROPERTIES_MAX)
  readonly #valueEnd = new Int32Array(PROPERTIES_MAX)
  /** A bit for each name that is there (`nameBit`): most names that are looked for are not. */
  #nameBits = 0

  /** @throws MqError messageIllegal when there are more than 512 pairs */
  read(buffer: Buffer, at: number, end: number): void {
    this.buffer = buffer
    this.count = 0
    this.#nameBits = 0
    const view = this.#view.of(buffer)
    let nameAt = at
    let nameEnd = -1
    for (let i = at; i < end; i++) {
      while (i + 4 <= end && !hasByteBelow3(view.getInt32(i))) i += 4
      if (i === end) break
      const byte = view.getUint8(i)
      if (byte > VALUE_END) continue
      if (byte === NAME_END) {
        if (nameEnd < 0) nameEnd = i
      } else if (byte === VALUE_END) {
        this.#add(nameAt, nameEnd, i)
        nameAt = i + 1
        nameEnd = -1
      }
    }
    this.#add(nameAt, nameEnd, end)
  }

  /**
   * Adds the pairs that another scan has found in the same buffer, behind those found here.
   * @throws MqError messageIllegal when there are more than 512 pairs then
   */
  append(other: PropertyScan): void {
    for (let index = 0; index < other.count; index++)
      this.#add(
        other.#nameAt[index] as number,
        other.#nameEnd[index] as number,
        other.#valueEnd[index] as number,
      )
  }

  /** @returns the index of the pair that counts for this name, -1 when there is none */
  find(name: string): number {
    const length = name.length
    if ((this.#nameBits & nameBit(length, name.charCodeAt(0))) === 0) return -1
    for (let index = this.count - 1; index >= 0; index--) {
      const at = this.#nameAt[index] as number
      if ((this.#nameEnd[index] as number) - at === length && this.#nameIs(at, name)) return index
    }
    return -1
  }

  /** Whether any pair's name begins so. */
  hasPrefix(prefix: string): boolean {
    for (let index = 0; index < this.count; index++) {
      const at = this.#nameAt[index] as number
      if ((this.#nameEnd[index] as number) - at >= prefix.length && this.#nameIs(at, prefix)) return true
    }
    return false
  }

  /** Where the pair begins, its name first. */
  pairAt(index: number): number {
    return this.#nameAt[index] as number
  }

  name(index: number): string {
    return this.buffer.toString('utf8', this.#nameAt[index], this.#nameEnd[index])
  }

  valueAt(index: number): number {
    return (this.#nameEnd[index] as number) + 1
  }

  /** Where the value ends: at its separator, or at the end of the string. */
  valueEnd(index: number): number {
    return this.#valueEnd[index] as number
  }

  text(index: number): string {
    return this.buffer.toString('utf8', this.valueAt(index), this.#valueEnd[index])
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

  #add(nameAt: number, nameEnd: number, valueEnd: number): void {
    if (nameEnd <= nameAt || valueEnd <= nameEnd + 1) return
    const index = this.count
    if (index === PROPERTIES_MAX)
      throw new MqError('messageIllegal', `more than ${PROPERTIES_MAX} properties`)
    this.#nameAt[index] = nameAt
    this.#nameEnd[index] = nameEnd
    this.#valueEnd[index] = valueEnd
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

/** Whether any of a word's four bytes is 0, 1 or 2: only such a one borrows when 3 is taken from each. */
function hasByteBelow3(word: number): boolean {
  return ((word - 0x03030303) & ~word & 0x80808080) !== 0
}
