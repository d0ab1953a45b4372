import { MqError } from '../../base/errors.ts'
import { compareNumbers, type JavaNumber, javaInteger } from './java-number.ts'
import {
  compareKinds,
  imageOf,
  placeOf,
  SqlLexer,
  type SqlToken,
  type SqlTokenKind,
  stringValue,
} from './sql-lexer.ts'
import { isCondition, type SqlCondition, type SqlNode, type SqlOrder } from './sql-node.ts'

/** Parentheses, signs and NOTs inside one another, and comparisons whose left side is a comparison. */
export const NESTING_MAX = 32

/** How strongly a token binds what is left and right of it. */
const Power = { OR: 1, AND: 2, EQUALITY: 3, COMPARISON: 4 } as const

/** What may follow an operand, or NOT behind an operand. */
const containments = ['BETWEEN', 'IN', 'CONTAINS', 'STARTSWITH', 'ENDSWITH'] as const

type Containment = (typeof containments)[number]

const infixPowers = {
  OR: Power.OR,
  AND: Power.AND,
  '=': Power.EQUALITY,
  '<>': Power.EQUALITY,
  IS: Power.EQUALITY,
  '>': Power.COMPARISON,
  '>=': Power.COMPARISON,
  '<': Power.COMPARISON,
  '<=': Power.COMPARISON,
  NOT: Power.COMPARISON,
  BETWEEN: Power.COMPARISON,
  IN: Power.COMPARISON,
  CONTAINS: Power.COMPARISON,
  STARTSWITH: Power.COMPARISON,
  ENDSWITH: Power.COMPARISON,
} as const

type Infix = keyof typeof infixPowers

/** What an operand may begin with. */
const prefixes = [
  'NOT',
  'TRUE',
  'FALSE',
  'NULL',
  'integer',
  'float',
  'string',
  'name',
  '(',
  '-',
  '+',
] as const

/** A part and where it stands: errors show it as it was written. */
interface Operand {
  readonly node: SqlNode
  readonly at: number
  readonly end: number
}

/**
 * Parses an expression by RocketMQ's grammar (SelectorParser.jj), with the checks that its expressions make
 * when they are created. It stops at the first token that it cannot use, as the original does: `a > 1)` is
 * read as `a > 1`.
 * @throws MqError subscriptionParseFailed
 */
export function parseSql(text: string): SqlCondition {
  return new SqlParser(text).parse()
}

/** One reading of one expression. */
class SqlParser {
  readonly #text: string
  readonly #lexer: SqlLexer
  #token: SqlToken | undefined
  /** End of the last token that was taken. */
  #end = 0
  #nesting = 0
  /** Kinds that would have done since the last token was taken: those asked for, */
  readonly #expected: SqlTokenKind[] = []
  /** and infixes between two powers. */
  readonly #expectedInfixes: { powerMin: number; powerMax: number }[] = []

  constructor(text: string) {
    this.#text = text
    this.#lexer = new SqlLexer(text)
  }

  parse(): SqlCondition {
    return this.#condition(this.#expression(Power.OR))
  }

  #expression(power: number): Operand {
    let left = this.#unary()
    let powerMax: number = Power.COMPARISON
    for (let links = 0; ; ) {
      const kind = this.#infix(power, powerMax)
      if (!kind) return left
      // nothing behind `a IS NULL` binds more strongly than IS
      powerMax = infixPowers[kind]
      // joined conditions lie side by side, everything else has what is left of it inside
      if (powerMax >= Power.EQUALITY && ++links > NESTING_MAX) throw this.#nestedTooDeep()
      left = { node: this.#infixed(kind, left), at: left.at, end: this.#end }
    }
  }

  /** What the next token joins, when it binds that strongly. */
  #infix(powerMin: number, powerMax: number): Infix | undefined {
    const { kind } = this.#peek()
    if (isInfix(kind) && infixPowers[kind] >= powerMin && infixPowers[kind] <= powerMax) return kind
    this.#expectedInfixes.push({ powerMin, powerMax })
    return undefined
  }

  #infixed(kind: Infix, left: Operand): SqlCondition {
    this.#take()
    switch (kind) {
      case 'OR':
      case 'AND':
        return this.#joined(kind, left)
      case '=':
        return this.#equal(left)
      case '<>':
        return { kind: 'not', operand: this.#equal(left) }
      case 'IS':
        return this.#isNull(left)
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#order(kind, left, this.#unary())
      case 'NOT':
        return this.#containment(this.#containmentKind(), left, true)
      default:
        return this.#containment(kind, left, false)
    }
  }

  #joined(kind: 'OR' | 'AND', left: Operand): SqlCondition {
    const right = this.#expression(Power[kind] + 1)
    const first = this.#condition(left)
    const next = this.#condition(right)
    if (first.kind !== kind) return { kind, operands: [first, next] }
    first.operands.push(next)
    return first
  }

  #equal(left: Operand): SqlCondition {
    const right = this.#expression(Power.COMPARISON)
    for (const { node } of [left, right]) {
      if (node.kind === 'constant' && node.value === null) throw failed(`'NULL' cannot be compared.`)
    }
    if (left.node.kind === 'constant' && right.node.kind === 'literal') {
      throw failed(`'${this.#written(left)}' cannot be compared with '${this.#written(right)}'`)
    }
    return { kind: 'equal', left: left.node, right: right.node }
  }

  #isNull({ node }: Operand): SqlCondition {
    const isNegated = this.#takeIf('NOT')
    this.#require('NULL')
    const operand: SqlCondition = { kind: 'equal', left: node, right: { kind: 'constant', value: null } }
    return isNegated ? { kind: 'not', operand } : operand
  }

  #order(order: SqlOrder, left: Operand, right: Operand): SqlCondition {
    for (const operand of [left, right]) {
      const { node } = operand
      const isText = node.kind === 'literal' && typeof node.value === 'string'
      if (isText || isCondition(node)) throw failed(`Value '${this.#written(operand)}' cannot be compared.`)
    }
    return { kind: 'order', order, left: left.node, right: right.node }
  }

  #containmentKind(): Containment {
    const kind = containments.find((each) => this.#isNext(each))
    if (!kind) throw this.#unexpected()
    this.#take()
    return kind
  }

  #containment(kind: Containment, left: Operand, isNegated: boolean): SqlCondition {
    if (kind === 'BETWEEN') return this.#between(left, isNegated)
    if (kind === 'IN') return this.#in(left, isNegated)
    return { kind: 'search', search: kind, isNegated, operand: left.node, text: this.#string() }
  }

  #between(value: Operand, isNegated: boolean): SqlCondition {
    const low = this.#unary()
    this.#require('AND')
    const high = this.#unary()
    if (isNegated)
      return { kind: 'OR', operands: [this.#order('<', value, low), this.#order('>', value, high)] }
    const operands = [this.#order('>=', value, low), this.#order('<=', value, high)]
    const [lowest, highest] = [numberOf(low.node), numberOf(high.node)]
    if (lowest && highest && compareNumbers(highest, lowest) < 0) {
      throw failed(
        `Illegal values of between, left value(${this.#written(low)}) must less than or equal to ` +
          `right value(${this.#written(high)})`,
      )
    }
    return { kind: 'AND', operands }
  }

  #in(left: Operand, isNegated: boolean): SqlCondition {
    this.#require('(')
    const values = [this.#string()]
    while (this.#takeIf(',')) values.push(this.#string())
    this.#require(')')
    const { node } = left
    if (node.kind !== 'property')
      throw failed(`Expected a property for In expression, got: ${this.#written(left)}`)
    return { kind: 'in', isNegated, name: node.name, values }
  }

  #unary(): Operand {
    if (this.#nesting > NESTING_MAX) throw this.#nestedTooDeep()
    this.#nesting++
    const { at } = this.#peek()
    const node = this.#prefixed()
    this.#nesting--
    return { node, at, end: this.#end }
  }

  #prefixed(): SqlNode {
    const { kind, text } = this.#peek()
    switch (kind) {
      case 'NOT':
        this.#take()
        return { kind: 'not', operand: this.#condition(this.#unary()) }
      case 'TRUE':
      case 'FALSE':
        this.#take()
        return { kind: 'constant', value: kind === 'TRUE' }
      case 'NULL':
        this.#take()
        return { kind: 'constant', value: null }
      case 'integer':
        this.#take()
        return { kind: 'literal', value: integerOf(text) }
      case 'float':
        this.#take()
        return { kind: 'literal', value: floatOf(text) }
      case 'string':
        return { kind: 'literal', value: this.#string() }
      case 'name':
        this.#take()
        return { kind: 'property', name: text }
      case '(':
        return this.#parenthesized()
      case '-':
        this.#take()
        return { kind: 'minus', operand: this.#unary().node }
      case '+':
        this.#take()
        return this.#unary().node
      default:
        this.#expected.push(...prefixes)
        throw this.#unexpected()
    }
  }

  #parenthesized(): SqlNode {
    this.#take()
    const { node } = this.#expression(Power.OR)
    this.#require(')')
    return node
  }

  #condition(operand: Operand): SqlCondition {
    const { node } = operand
    if (isCondition(node)) return node
    if (node.kind === 'property') return { kind: 'cast', name: node.name }
    throw failed(`Expression will not result in a boolean value: ${this.#written(operand)}`)
  }

  #string(): string {
    return stringValue(this.#require('string'))
  }

  #peek(): SqlToken {
    this.#token ??= this.#lexer.next()
    return this.#token
  }

  #isNext(kind: SqlTokenKind): boolean {
    if (this.#peek().kind === kind) return true
    this.#expected.push(kind)
    return false
  }

  #take(): SqlToken {
    const token = this.#peek()
    this.#token = undefined
    this.#end = token.at + token.text.length
    this.#expected.length = 0
    this.#expectedInfixes.length = 0
    return token
  }

  #takeIf(kind: SqlTokenKind): boolean {
    if (!this.#isNext(kind)) return false
    this.#take()
    return true
  }

  #require(kind: SqlTokenKind): SqlToken {
    if (!this.#isNext(kind)) throw this.#unexpected()
    return this.#take()
  }

  #written({ at, end }: Operand): string {
    return this.#text.slice(at, end)
  }

  #unexpected(): MqError {
    const { kind, text, at } = this.#peek()
    const encountered = kind === 'end' ? imageOf(kind) : ` ${imageOf(kind)} "${text} "`
    const infixes = Object.keys(infixPowers)
      .filter(isInfix)
      .filter((each) =>
        this.#expectedInfixes.some(
          ({ powerMin, powerMax }) => infixPowers[each] >= powerMin && infixPowers[each] <= powerMax,
        ),
      )
    const kinds = [...new Set([...this.#expected, ...infixes])].sort(compareKinds)
    const expecting = kinds.length > 1 ? 'Was expecting one of:' : 'Was expecting:'
    return failed(
      `Encountered "${encountered}" at ${placeOf(this.#text, at)}.\n${expecting}\n    ` +
        kinds.map((each) => `${imageOf(each)} ...\n    `).join(''),
    )
  }

  #nestedTooDeep(): MqError {
    return failed(`nested deeper than ${NESTING_MAX} at ${placeOf(this.#text, this.#end)}`)
  }
}

function isInfix(kind: string): kind is Infix {
  return Object.hasOwn(infixPowers, kind)
}

function numberOf(node: SqlNode): JavaNumber | undefined {
  return node.kind === 'literal' && typeof node.value === 'object' ? node.value : undefined
}

function integerOf(text: string): JavaNumber {
  const number = javaInteger(text.replace(/[lL]$/, ''))
  if (!number) throw failed(`For input string: "${text}"`)
  return number
}

/** Refuses what is infinite, and zero, which RocketMQ compares with the smallest double there is. */
function floatOf(text: string): JavaNumber {
  const value = Number(text)
  if (value > Number.MAX_VALUE) throw failed(`${text} is greater than 1.7976931348623157E308`)
  if (value < Number.MIN_VALUE) throw failed(`${text} is less than 4.9E-324`)
  return { type: 'double', value }
}

/** The texts are RocketMQ's, without the names of its exceptions: users look them up. */
function failed(message: string): MqError {
  return new MqError('subscriptionParseFailed', message)
}
