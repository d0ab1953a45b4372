import { MqError } from '../base/errors.ts'

/**
 * A JSON value in fastjson's wider sense. Objects come back without a prototype; an object whose keys are
 * themselves objects comes back as a map. Integers beyond 2^53 are bigints. What is written may also hold
 * maps with string keys (written as objects) and with number keys (written without quotes), sets (as arrays),
 * and undefined fields (left out, as null ones).
 */
export type FastJson =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | readonly FastJson[]
  | ReadonlySet<FastJson>
  | ReadonlyMap<FastJson, FastJson>
  | { readonly [name: string]: FastJson }

/** An object that was read: no prototype, so that no name of a field means anything else. */
export type FastJsonObject = { readonly [name: string]: FastJson }

/** What is refused although it could be parsed. */
export interface FastJsonLimits {
  /** Objects and arrays inside one another. */
  readonly depthMax: number
  /** Values altogether, so that a small text cannot become a large heap. */
  readonly valuesMax: number
}

/**
 * Limits of everything that comes over a connection: the widest real body is a table of some 10,000 topics.
 */
export const FAST_JSON_LIMITS: FastJsonLimits = { depthMax: 16, valuesMax: 2_000_000 }

/**
 * Reads what RocketMQ's fastjson writes: JSON, and beyond it keys that are bare numbers, bare identifiers or
 * whole objects (`{{"queueId":0}:1}`), and strings in single quotes. Of a field that occurs twice the last
 * wins.
 * @throws MqError badBody with the position, when it is none of that or exceeds a limit
 */
export function readFastJson(text: string, limits: FastJsonLimits = FAST_JSON_LIMITS): FastJson {
  return new FastJsonParser(text, limits).parse()
}

const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const DOUBLE_QUOTE = 34
const SINGLE_QUOTE = 39
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * An integer of more digits is no number of RocketMQ's, and making a bigint of a million digits takes
 * minutes.
 */
const NUMBER_LENGTH_MAX = 64

const numberPattern = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const bareKeyPattern = /-?\d+|[A-Za-z_$][\w$]*/y
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** One reading of one text. */
class FastJsonParser {
  readonly #text: string
  readonly #limits: FastJsonLimits
  #at = 0
  #depth = 0
  #values = 0

  constructor(text: string, limits: FastJsonLimits) {
    this.#text = text
    this.#limits = limits
  }

  /** @throws MqError badBody when the text is not one value, or exceeds a limit */
  parse(): FastJson {
    const value = this.#value()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#fault('something behind the value')
    return value
  }

  #value(): FastJson {
    if (++this.#values > this.#limits.valuesMax)
      throw this.#fault(`more than ${this.#limits.valuesMax} values`)
    switch (this.#skipSpace()) {
      case OPEN_BRACE:
        return this.#object()
      case OPEN_BRACKET:
        return this.#array()
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE:
        return this.#string()
      case 0x74: // t
        return this.#word('true', true)
      case 0x66: // f
        return this.#word('false', false)
      case 0x6e: // n
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #array(): FastJson[] {
    this.#enter()
    const items: FastJson[] = []
    if (!this.#takes(CLOSE_BRACKET)) {
      do items.push(this.#value())
      while (this.#takes(COMMA))
      if (!this.#takes(CLOSE_BRACKET)) throw this.#fault('"," or "]" expected')
    }
    this.#depth--
    return items
  }

  #object(): FastJson {
    this.#enter()
    const object = this.#skipSpace() === OPEN_BRACE ? this.#objectWithObjectKeys() : this.#plainObject()
    this.#depth--
    return object
  }

  #plainObject(): FastJson {
    const object: Record<string, FastJson> = Object.create(null)
    if (this.#takes(CLOSE_BRACE)) return object
    do {
      const key = this.#key()
      if (!this.#takes(COLON)) throw this.#fault('":" expected')
      object[key] = this.#value()
    } while (this.#takes(COMMA))
    if (!this.#takes(CLOSE_BRACE)) throw this.#fault('"," or "}" expected')
    return object
  }

  #objectWithObjectKeys(): FastJson {
    const map = new Map<FastJson, FastJson>()
    do {
      if (this.#skipSpace() !== OPEN_BRACE)
        throw this.#fault('an object as key expected, like the ones before')
      const key = this.#value()
      if (!this.#takes(COLON)) throw this.#fault('":" expected')
      map.set(key, this.#value())
    } while (this.#takes(COMMA))
    if (!this.#takes(CLOSE_BRACE)) throw this.#fault('"," or "}" expected')
    return map
  }

  #key(): string {
    const first = this.#skipSpace()
    if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return this.#string()
    const key = this.#match(bareKeyPattern)
    if (key === undefined) throw this.#fault('a key expected')
    return key[0]
  }

  #string(): string {
    const quote = this.#text.charCodeAt(this.#at)
    let from = ++this.#at
    let text = ''
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === quote) {
        text += this.#text.slice(from, this.#at++)
        return text
      }
      if (Number.isNaN(code)) throw this.#fault('the text ends within a string')
      if (code === BACKSLASH) {
        text += this.#text.slice(from, this.#at)
        text += this.#escape()
        from = this.#at
      } else this.#at++
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at + 1)
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#fault('four hex digits expected')
      this.#at += 6
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const escaped = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined
    if (escaped === undefined) throw this.#fault('unknown escape')
    this.#at += 2
    return escaped
  }

  #number(): FastJson {
    const match = this.#match(numberPattern)
    if (match === undefined) throw this.#fault('a value expected')
    const [text, fraction, exponent] = match
    if (text.length > NUMBER_LENGTH_MAX) throw this.#fault(`a number of ${text.length} characters`)
    const number = Number(text)
    if (!Number.isFinite(number)) throw this.#fault('a number beyond all doubles')
    const isInteger = fraction === undefined && exponent === undefined
    // Adding 0 turns -0 into 0, as Java's integers have no other.
    return isInteger && !Number.isSafeInteger(number) ? BigInt(text) : number + 0
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fault('a value expected')
    this.#at += word.length
    return value
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at += match[0].length
    return match
  }

  /** Takes one character, white space before it included; leaves another one where it is. */
  #takes(code: number): boolean {
    if (this.#skipSpace() !== code) return false
    this.#at++
    return true
  }

  #skipSpace(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== SPACE && code !== TAB && code !== LINE_FEED && code !== CARRIAGE_RETURN) return code
      this.#at++
    }
  }

  #enter(): void {
    this.#at++
    if (++this.#depth > this.#limits.depthMax) throw this.#fault(`deeper than ${this.#limits.depthMax}`)
  }

  #fault(what: string): MqError {
    return new MqError('badBody', `JSON at character ${this.#at}: ${what}`)
  }
}
