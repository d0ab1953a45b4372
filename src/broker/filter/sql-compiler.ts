import { negated } from './java-number.ts'
import { equalTest, isAt, orderTest, type SqlOperand } from './sql-comparison.ts'
import { type SqlTest, Truth } from './sql-evaluation.ts'
import type { SqlCondition, SqlNode, SqlSearch } from './sql-node.ts'

/** Whether text is found in the bytes of a value that stand at `[at, end)`. */
type BytesSearch = (bytes: Buffer, source: Buffer, at: number, end: number) => boolean

const { TRUE, FALSE, NULL, FAULT } = Truth

/** Values longer than this are worth the call to the native search. */
const LONG_VALUE_BYTES = 256

const searches: Readonly<Record<SqlSearch, BytesSearch>> = {
  CONTAINS: contains,
  STARTSWITH: (bytes, source, at, end) => bytes.length <= end - at && isAt(bytes, source, at),
  ENDSWITH: (bytes, source, at, end) => bytes.length <= end - at && isAt(bytes, source, end - bytes.length),
}

/**
 * Makes one function of an expression. Types of operands are known by now, so that every comparison is a
 * closure of its own kind, which reads a property's bytes where they are.
 */
export class SqlCompiler {
  /** Properties that the compiled conditions look at, each once; its place here is its slot. */
  readonly names: string[] = []

  /** Compiles a condition. */
  test(condition: SqlCondition): SqlTest {
    switch (condition.kind) {
      case 'constant': {
        const truth = condition.value === null ? NULL : condition.value ? TRUE : FALSE
        return () => truth
      }
      case 'cast': {
        const slot = this.#slotOf(condition.name)
        return (message) => (message.find(slot) < 0 ? NULL : FALSE)
      }
      case 'not':
        return not(this.test(condition.operand))
      case 'AND':
        return joined(this.#tests(condition.operands), FALSE, TRUE)
      case 'OR':
        return joined(this.#tests(condition.operands), TRUE, FALSE)
      case 'equal':
        return equalTest(this.#operand(condition.left), this.#operand(condition.right))
      case 'order':
        return orderTest(condition.order, this.#operand(condition.left), this.#operand(condition.right))
      case 'search':
        return searchTest(condition, this.#operand(condition.operand))
      case 'in':
        return inTest(this.#slotOf(condition.name), condition.values, condition.isNegated)
    }
  }

  #tests(conditions: readonly SqlCondition[]): SqlTest[] {
    return conditions.map((condition) => this.test(condition))
  }

  #operand(node: SqlNode): SqlOperand {
    switch (node.kind) {
      case 'property':
        return { kind: 'property', slot: this.#slotOf(node.name) }
      case 'literal': {
        const { value } = node
        if (typeof value !== 'string') return { kind: 'number', number: value }
        return { kind: 'text', text: value, bytes: Buffer.from(value) }
      }
      case 'minus':
        return minus(this.#operand(node.operand))
      default:
        return { kind: 'test', test: this.test(node) }
    }
  }

  #slotOf(name: string): number {
    const slot = this.names.indexOf(name)
    return slot < 0 ? this.names.push(name) - 1 : slot
  }
}

function not(test: SqlTest): SqlTest {
  return (message) => {
    const truth = test(message)
    return truth === TRUE ? FALSE : truth === FALSE ? TRUE : truth
  }
}

/**
 * Looks at the conditions from left to right until one decides, or fails; one that is NULL makes all NULL if
 * none does.
 */
function joined(tests: readonly SqlTest[], deciding: Truth, otherwise: Truth): SqlTest {
  return (message) => {
    let result = otherwise
    for (const test of tests) {
      const truth = test(message)
      if (truth === deciding || truth === FAULT) return truth
      if (truth === NULL) result = NULL
    }
    return result
  }
}

function minus(operand: SqlOperand): SqlOperand {
  if (operand.kind === 'number') return { kind: 'number', number: negated(operand.number) }
  if (operand.kind !== 'test') return { kind: 'test', test: () => NULL }
  return { kind: 'test', test: (message) => (operand.test(message) === FAULT ? FAULT : NULL) }
}

/**
 * NULL and what is no text contain nothing, and what is looked for in vain is not found to be missing either.
 */
function searchTest(
  { search, isNegated, text }: Extract<SqlCondition, { kind: 'search' }>,
  operand: SqlOperand,
): SqlTest {
  if (text === '') return () => FALSE
  const bytes = Buffer.from(text)
  const found = isNegated ? FALSE : TRUE
  const notFound = isNegated ? TRUE : FALSE
  const isFound = searches[search]
  switch (operand.kind) {
    case 'property':
      return (message) => {
        const { properties } = message
        const index = message.find(operand.slot)
        if (index < 0) return FALSE
        const at = properties.valueAt(index)
        return isFound(bytes, properties.buffer, at, properties.valueEnd(index)) ? found : notFound
      }
    case 'text': {
      const truth = isFound(bytes, operand.bytes, 0, operand.bytes.length) ? found : notFound
      return () => truth
    }
    case 'number':
      return () => FALSE
    case 'test':
      return (message) => (operand.test(message) === FAULT ? FAULT : FALSE)
  }
}

function contains(bytes: Buffer, source: Buffer, at: number, end: number): boolean {
  if (end - at > LONG_VALUE_BYTES) return source.subarray(at, end).includes(bytes)
  const last = end - bytes.length
  for (let from = at; from <= last; from++) {
    if (source[from] === bytes[0] && isAt(bytes, source, from)) return true
  }
  return false
}

function inTest(slot: number, values: readonly string[], isNegated: boolean): SqlTest {
  const byLength = new Map<number, Buffer[]>()
  for (const value of new Set(values)) {
    const bytes = Buffer.from(value)
    const known = byLength.get(bytes.length)
    if (known) known.push(bytes)
    else byLength.set(bytes.length, [bytes])
  }
  const found = isNegated ? FALSE : TRUE
  const notFound = isNegated ? TRUE : FALSE
  return (message) => {
    const { properties } = message
    const index = message.find(slot)
    if (index < 0) return NULL
    const at = properties.valueAt(index)
    const candidates = byLength.get(properties.valueEnd(index) - at)
    if (candidates) for (const bytes of candidates) if (isAt(bytes, properties.buffer, at)) return found
    return notFound
  }
}
