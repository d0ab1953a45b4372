import { MqError } from '../../base/errors.ts'

/** Words and signs of the language, in the order in which errors list what was expected. */
const wordKinds = [
  'NOT',
  'AND',
  'OR',
  'BETWEEN',
  'IN',
  'TRUE',
  'FALSE',
  'NULL',
  'IS',
  'CONTAINS',
  'STARTSWITH',
  'ENDSWITH',
] as const
const literalKinds = ['integer', 'float', 'string', 'name'] as const
const signKinds = ['=', '<>', '>', '>=', '<', '<=', '(', ',', ')', '-', '+'] as const

export type SqlTokenKind =
  | 'end'
  | (typeof wordKinds)[number]
  | (typeof literalKinds)[number]
  | (typeof signKinds)[number]

/** A token of an expression and where it begins. */
export interface SqlToken {
  readonly kind: SqlTokenKind
  /** As it was written. */
  readonly text: string
  /** Of the end, where the last character is: errors are placed there. */
  readonly at: number
}

const words: ReadonlySet<string> = new Set(wordKinds)
/** Two-character signs first: the longest match counts. */
const signs = ['<>', '>=', '<=', '=', '>', '<', '(', ',', ')', '-', '+'] as const

const blankPattern = /[ \t\n\r\f]+/y
/**
 * A line comment counts only with the end of its line: without one, its first `-` is a minus (RocketMQ's
 * grammar).
 */
const lineCommentPattern = /--[^\n\r]*(?:\r\n|\n|\r)/y
const blockCommentPattern = /\/\*[^*]*\*(?:\*|[^*/][^*]*\*)*\//y
const numberPattern = /(\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)|0|[1-9]\d*[lL]?/y
const namePattern = /[A-Za-z_$][A-Za-z0-9_$]*/y

const QUOTE = "'"

/**
 * Cuts an SQL92 expression into tokens, one at a time: what stands behind the last token that the parser
 * looks at need not be one (protocol/semantics.md §15).
 */
export class SqlLexer {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** @throws MqError subscriptionParseFailed when no token begins here */
  next(): SqlToken {
    this.#skip()
    const at = this.#at
    if (at >= this.#text.length) return { kind: 'end', text: '', at: Math.max(at - 1, 0) }
    const isString = this.#text[at] === QUOTE
    const token = isString ? this.#string() : (this.#name() ?? this.#number() ?? this.#sign())
    if (!token) throw this.#fault()
    this.#at = at + token.text.length
    return token
  }

  #skip(): void {
    while (
      this.#take(blankPattern) !== undefined ||
      this.#take(lineCommentPattern) !== undefined ||
      this.#take(blockCommentPattern) !== undefined
    );
  }

  #name(): SqlToken | undefined {
    const text = this.#match(namePattern)?.[0]
    if (text === undefined) return undefined
    const word = text.toUpperCase()
    return { kind: isWord(word) ? word : 'name', text, at: this.#at }
  }

  #number(): SqlToken | undefined {
    const match = this.#match(numberPattern)
    return match && { kind: match[1] === undefined ? 'integer' : 'float', text: match[0], at: this.#at }
  }

  #sign(): SqlToken | undefined {
    const text = signs.find((sign) => this.#text.startsWith(sign, this.#at))
    return text && { kind: text, text, at: this.#at }
  }

  /** Two quotes are one inside; where the last of them has no partner, it is the end after all. */
  #string(): SqlToken | undefined {
    const text = this.#text
    let end = -1
    for (let quote = text.indexOf(QUOTE, this.#at + 1); quote >= 0; quote = text.indexOf(QUOTE, quote + 2)) {
      end = quote + 1
      if (text[end] !== QUOTE) break
    }
    return end < 0 ? undefined : { kind: 'string', text: text.slice(this.#at, end), at: this.#at }
  }

  #take(pattern: RegExp): string | undefined {
    const text = this.#match(pattern)?.[0]
    this.#at += text?.length ?? 0
    return text
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text) ?? undefined
  }

  #fault(): MqError {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0)
    return new MqError(
      'subscriptionParseFailed',
      `Lexical error at ${placeOf(this.#text, this.#at)}.  Encountered: ${JSON.stringify(character)}`,
    )
  }
}

/** What a string token says. */
export function stringValue(token: SqlToken): string {
  return token.text.slice(1, -1).replaceAll("''", QUOTE)
}

/** A position as line and column, both from 1. */
export function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/)
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
}

/** How RocketMQ's errors spell a kind of token. */
export function imageOf(kind: SqlTokenKind): string {
  return images.get(kind) ?? `"${kind}"`
}

/** Sorts kinds as RocketMQ's errors do. */
export function compareKinds(left: SqlTokenKind, right: SqlTokenKind): number {
  return kindOrder.indexOf(left) - kindOrder.indexOf(right)
}

const images: ReadonlyMap<SqlTokenKind, string> = new Map([
  ['end', '<EOF>'],
  ['integer', '<DECIMAL_LITERAL>'],
  ['float', '<FLOATING_POINT_LITERAL>'],
  ['string', '<STRING_LITERAL>'],
  ['name', '<ID>'],
])

const kindOrder: readonly SqlTokenKind[] = [...wordKinds, ...literalKinds, ...signKinds]

function isWord(text: string): text is (typeof wordKinds)[number] {
  return words.has(text)
}
