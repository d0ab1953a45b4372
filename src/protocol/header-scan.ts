import { MqError } from '../base/errors.ts'
import { byteAt, int32At, uint16At } from './big-endian.ts'
import { requestCodeOfBinary } from './binary-code.ts'
import { ByteView } from './byte-view.ts'
import { SerializeType } from './frame.ts'
import { HeaderLayout, type HeaderWords, KnownHeader } from './header-layout.ts'
import { JsonScan } from './json-scan.ts'
import { Language, languageNumber } from './language.ts'

/** Headers of so many lengths are remembered, one of each. */
const KNOWN_LENGTHS = 32

/**
 * Reads the header of a frame, in either serialisation, without making an object of it: it notes where each field of
 * `extFields` stands, and hot handlers pick what they need. One instance is used again for every frame; what it says holds
 * until the next `read`. (protocol/remoting.md §2; measured in the prototype: 1.5 to 2 us less per message than JSON.parse.)
 */
export class HeaderScan implements HeaderWords {
  code = 0
  language: number = Language.JAVA
  version = 0
  opaque = 0
  flag = 0
  /** Text of the peer, on responses mostly; undefined when absent or null. */
  remark: string | undefined
  serializeType = 0
  /** Where the header stands in `buffer`. */
  at = 0
  end = 0
  buffer: Buffer = Buffer.alloc(0)
  #layout = new HeaderLayout()
  readonly #binaryLayout = this.#layout
  /** By length, modulo their number: made when needed. */
  readonly #known: (KnownHeader | undefined)[] = new Array(KNOWN_LENGTHS).fill(undefined)
  readonly #view = new ByteView()
  readonly #json = new JsonScan()
  /** Where the opaque number of a JSON header stands. */
  #opaqueAt = 0
  #opaqueEnd = 0

  /**
   * @throws MqError badHeader when the header cannot be read: the connection is to be closed
   */
  read(buffer: Buffer, at: number, end: number, serializeType: number): void {
    this.buffer = buffer
    this.at = at
    this.end = end
    this.serializeType = serializeType
    if (serializeType === SerializeType.JSON) this.#readJson(buffer, at, end)
    else this.#readBinary(buffer, at, end)
  }

  get fieldCount(): number {
    return this.#layout.fieldCount
  }

  get isResponse(): boolean {
    return (this.flag & 1) !== 0
  }

  get isOneway(): boolean {
    return (this.flag & 2) !== 0
  }

  /** @returns the index of the field, -1 when there is none; of a name given twice the last counts */
  find(name: string): number {
    const length = name.length
    if (length === 1) return this.letter(name.charCodeAt(0))
    for (let index = this.fieldCount - 1; index >= 0; index--) {
      const at = this.#keyAt(index)
      if (this.#keyEnd(index) - at === length && isText(this.buffer, at, name)) return index
    }
    return -1
  }

  /** As `find`, for a name of one ASCII letter given by its character code. */
  letter(charCode: number): number {
    return this.#layout.letter(charCode)
  }

  valueAt(index: number): number {
    return this.at + (this.#layout.valueAt[index] as number)
  }

  valueEnd(index: number): number {
    return this.at + (this.#layout.valueEnd[index] as number)
  }

  /** Whether the bytes of the value hold JSON escapes. */
  isEscaped(index: number): boolean {
    return this.#layout.escaped[index] === 1
  }

  name(index: number): string {
    const text = this.buffer.toString('utf8', this.#keyAt(index), this.#keyEnd(index))
    return this.serializeType === SerializeType.JSON && text.includes('\\') ? unescaped(text) : text
  }

  /**
   * Whether all readers agree on every field: no name is written with escapes, or given twice with different values. Java clients write
   * fields of binary headers twice when a hook has signed them (RocketMQSerializable: header object, then field table).
   */
  get hasPlainNames(): boolean {
    const indices = new Map<string, number>()
    for (let index = 0; index < this.fieldCount; index++) {
      const name = this.buffer.toString('utf8', this.#keyAt(index), this.#keyEnd(index))
      const before = indices.get(name)
      if (name.includes('\\') || (before !== undefined && !this.#isSameValue(before, index))) return false
      indices.set(name, index)
    }
    return true
  }

  #isSameValue(one: number, other: number): boolean {
    const [at, end] = [this.valueAt(one), this.valueEnd(one)]
    return (
      this.isEscaped(one) === this.isEscaped(other) &&
      this.buffer.compare(this.buffer, at, end, this.valueAt(other), this.valueEnd(other)) === 0
    )
  }

  text(index: number): string {
    const text = this.buffer.toString('utf8', this.valueAt(index), this.valueEnd(index))
    return this.isEscaped(index) ? unescaped(text) : text
  }

  /** The value of a field as text; undefined when the field is absent. */
  optionalText(name: string): string | undefined {
    const index = this.find(name)
    return index < 0 ? undefined : this.text(index)
  }

  /**
   * A decimal integer. Rounded beyond 2^53, as Go's nanosecond subVersion is: fine for what is only compared.
   * @throws MqError invalidParameter when the text is not a decimal integer of at most 19 digits
   */
  integer(index: number, name: string): number {
    const buffer = this.buffer
    let at = this.valueAt(index)
    const end = this.valueEnd(index)
    const negative = buffer[at] === 45
    if (negative) at++
    let value = 0
    let bad = at >= end || end - at > 19
    for (; at < end && !bad; at++) {
      const digit = byteAt(buffer, at) - 48
      bad = digit < 0 || digit > 9
      value = value * 10 + digit
    }
    if (bad)
      throw new MqError('invalidParameter', `${name} is not an integer: "${this.text(index).slice(0, 40)}"`)
    return negative ? -value : value
  }

  /** As `integer`. @throws MqError invalidParameter when the field is absent, or beyond +-2^53 */
  requiredInteger(name: string): number {
    const index = this.find(name)
    if (index < 0) throw new MqError('invalidParameter', `the request has no field ${name}`)
    const value = this.integer(index, name)
    if (!Number.isSafeInteger(value))
      throw new MqError('invalidParameter', `${name} is beyond 2^53: ${this.text(index)}`)
    return value
  }

  optionalInteger(name: string, fallback: number): number {
    return this.find(name) < 0 ? fallback : this.requiredInteger(name)
  }

  requiredText(name: string): string {
    const index = this.find(name)
    if (index < 0) throw new MqError('invalidParameter', `the request has no field ${name}`)
    return this.text(index)
  }

  /** Java's Boolean.parseBoolean: "true" in any case, everything else is false. */
  boolean(index: number): boolean {
    const at = this.valueAt(index)
    return (
      this.valueEnd(index) - at === 4 && this.buffer.toString('latin1', at, at + 4).toLowerCase() === 'true'
    )
  }

  optionalBoolean(name: string): boolean | undefined {
    const index = this.find(name)
    return index < 0 ? undefined : this.boolean(index)
  }

  /** All fields, as an object without prototype. */
  fields(): Record<string, string> {
    const fields: Record<string, string> = Object.create(null)
    for (let index = 0; index < this.fieldCount; index++) fields[this.name(index)] = this.text(index)
    return fields
  }

  /** Whether the value is byte for byte this (un-escaped) text. */
  valueEquals(index: number, bytes: Buffer): boolean {
    const at = this.valueAt(index)
    const length = bytes.length
    if (this.valueEnd(index) - at !== length) return false
    const buffer = this.buffer
    for (let i = 0; i < length; i++) if (buffer[at + i] !== bytes[i]) return false
    return true
  }

  #keyAt(index: number): number {
    return this.at + (this.#layout.keyAt[index] as number)
  }

  #keyEnd(index: number): number {
    return this.at + (this.#layout.keyEnd[index] as number)
  }

  #add(keyAt: number, keyEnd: number, valueAt: number, valueEnd: number, escaped: boolean): void {
    const { at } = this
    this.#layout.add(keyAt - at, keyEnd - at, valueAt - at, valueEnd - at, escaped)
    if (keyEnd - keyAt === 1) this.#layout.addLetter(byteAt(this.buffer, keyAt))
  }

  #readJson(buffer: Buffer, at: number, end: number): void {
    const slot = (end - at) % KNOWN_LENGTHS
    const known = this.#known[slot]
    if (known?.fits(this.#view.of(buffer), at, end)) {
      this.#layout = known
      this.#take(known)
      return
    }
    const layout = known ?? new KnownHeader()
    this.#known[slot] = layout
    this.#layout = layout
    layout.clear()
    this.#scanJson(buffer, at, end)
    layout.remember(buffer, { at, end }, this, { at: this.#opaqueAt, end: this.#opaqueEnd })
  }

  #take({ code, language, version, opaque, flag, remark }: HeaderWords): void {
    this.code = code
    this.language = language
    this.version = version
    this.opaque = opaque
    this.flag = flag
    this.remark = remark
  }

  #scanJson(buffer: Buffer, at: number, end: number): void {
    this.#take(NOTHING_SAID)
    this.#opaqueEnd = this.#opaqueAt = at
    const json = this.#json
    json.begin(buffer, at, end)
    json.enterObject()
    while (json.nextKey()) {
      const { keyAt } = json
      switch (keyName(buffer, keyAt, json.keyEnd)) {
        case KEY_CODE:
          this.code = json.integerValue()
          break
        case KEY_FLAG:
          this.flag = json.integerValue()
          break
        case KEY_OPAQUE:
          this.opaque = json.integerValue()
          this.#opaqueAt = json.valueAt
          this.#opaqueEnd = json.valueEnd
          break
        case KEY_VERSION:
          this.version = json.integerValue()
          break
        case KEY_LANGUAGE:
          this.language = this.#languageValue()
          break
        case KEY_REMARK:
          this.remark = json.textValue()
          break
        case KEY_EXT_FIELDS:
          this.#readExtFields()
          break
        default:
          json.skipValue()
      }
    }
    json.finish()
  }

  #languageValue(): number {
    const json = this.#json
    json.scalarValue()
    const at = json.valueAt
    // "JAVA", without making a string of it
    if (json.valueEnd - at === 4 && int32At(this.buffer, at) === 0x4a415641) return Language.JAVA
    return languageNumber(this.buffer.toString('latin1', at, Math.min(json.valueEnd, at + 16)))
  }

  #readExtFields(): void {
    const json = this.#json
    if (!json.enterObjectOrNull()) return
    while (json.nextKey()) {
      const { keyAt, keyEnd } = json
      if (json.scalarValue()) this.#add(keyAt, keyEnd, json.valueAt, json.valueEnd, json.valueEscaped)
    }
  }

  #readBinary(buffer: Buffer, at: number, end: number): void {
    this.#layout = this.#binaryLayout
    this.#layout.clear()
    if (end - at < 21) throw new MqError('badHeader', `binary header of ${end - at} bytes`)
    this.code = (uint16At(buffer, at) << 16) >> 16
    this.language = byteAt(buffer, at + 2)
    this.version = (uint16At(buffer, at + 3) << 16) >> 16
    this.opaque = int32At(buffer, at + 5)
    this.flag = int32At(buffer, at + 9)
    if (!this.isResponse) this.code = requestCodeOfBinary(this.code)
    const remarkBytes = int32At(buffer, at + 13)
    const areaAt = at + 17 + remarkBytes
    if (remarkBytes < 0 || areaAt + 4 > end) throw new MqError('badHeader', `remark of ${remarkBytes} bytes`)
    this.remark = remarkBytes > 0 ? buffer.toString('utf8', at + 17, areaAt) : undefined
    const areaBytes = int32At(buffer, areaAt)
    if (areaBytes < 0 || areaAt + 4 + areaBytes > end)
      throw new MqError('badHeader', `fields of ${areaBytes} bytes`)
    this.#readEntries(areaAt + 4, areaAt + 4 + areaBytes)
  }

  /** Entries of the binary form: int16 key length, key, int32 value length, value. A length of 0 is Java's null: left out. */
  #readEntries(from: number, end: number): void {
    const buffer = this.buffer
    let at = from
    while (at < end) {
      const keyAt = at + 2
      const keyEnd = keyAt + uint16At(buffer, at)
      if (keyEnd + 4 > end) throw new MqError('badHeader', 'a field name beyond the header')
      const valueAt = keyEnd + 4
      const valueBytes = int32At(buffer, keyEnd)
      if (valueBytes < 0 || valueAt + valueBytes > end)
        throw new MqError('badHeader', `a field of ${valueBytes} bytes`)
      at = valueAt + valueBytes
      if (keyEnd > keyAt && valueBytes > 0) this.#add(keyAt, keyEnd, valueAt, at, false)
    }
  }
}

const NOTHING_SAID: HeaderWords = {
  ...{ code: 0, language: Language.JAVA, version: 0 },
  ...{ opaque: 0, flag: 0, remark: undefined },
}

const [KEY_OTHER, KEY_CODE, KEY_FLAG, KEY_OPAQUE, KEY_VERSION, KEY_LANGUAGE, KEY_REMARK, KEY_EXT_FIELDS] = [
  0, 1, 2, 3, 4, 5, 6, 7,
]

/** Which of the header's own fields a key is; told by its length and first letter, then read whole. */
function keyName(buffer: Buffer, at: number, end: number): number {
  switch (end - at) {
    case 4:
      if (isText(buffer, at, 'code')) return KEY_CODE
      return isText(buffer, at, 'flag') ? KEY_FLAG : KEY_OTHER
    case 6:
      if (isText(buffer, at, 'opaque')) return KEY_OPAQUE
      return isText(buffer, at, 'remark') ? KEY_REMARK : KEY_OTHER
    case 7:
      return isText(buffer, at, 'version') ? KEY_VERSION : KEY_OTHER
    case 8:
      return isText(buffer, at, 'language') ? KEY_LANGUAGE : KEY_OTHER
    case 9:
      return isText(buffer, at, 'extFields') ? KEY_EXT_FIELDS : KEY_OTHER
    default:
      return KEY_OTHER
  }
}

function isText(buffer: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (buffer[at + i] !== text.charCodeAt(i)) return false
  return true
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`)
  } catch (cause) {
    throw new MqError('badHeader', 'a string with a bad escape', { cause })
  }
}
