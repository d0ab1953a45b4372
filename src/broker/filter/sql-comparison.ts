import { byteAt } from '../../protocol/big-endian.ts'
import { compareDoubles, compareNumbers, compareText, doubleAt, type JavaNumber } from './java-number.ts'
import { type SqlEvaluation, type SqlTest, Truth } from './sql-evaluation.ts'
import type { SqlOrder } from './sql-node.ts'

/** One side of a comparison, ready to be evaluated. */
export type SqlOperand =
  | { readonly kind: 'property'; readonly slot: number }
  | { readonly kind: 'number'; readonly number: JavaNumber }
  | { readonly kind: 'text'; readonly text: string; readonly bytes: Buffer }
  | { readonly kind: 'test'; readonly test: SqlTest }

/** What an operand comes to; undefined is a fault. */
type SqlValue = undefined | null | boolean | string | JavaNumber

/** What less, equal, greater and `NO_NUMBER` mean to an operator, in this order. */
type Outcomes = readonly [Truth, Truth, Truth, Truth]

const { TRUE, FALSE, NULL, FAULT } = Truth

const outcomes: Readonly<Record<SqlOrder | '=', Outcomes>> = {
  '=': [FALSE, TRUE, FALSE, FAULT],
  '<': [TRUE, FALSE, FALSE, FAULT],
  '<=': [TRUE, TRUE, FALSE, FAULT],
  '>': [FALSE, FALSE, TRUE, FAULT],
  '>=': [FALSE, TRUE, TRUE, FAULT],
}

const mirrored: Readonly<Record<SqlOrder, SqlOrder>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/**
 * `=`, which is not symmetric in RocketMQ (ComparisonExpression.doCreateEqual): NULL on the left gives NULL,
 * on the right FALSE, on both TRUE; and a condition on the left cannot be compared with text, though text can
 * with a condition.
 */
export function equalTest(left: SqlOperand, right: SqlOperand): SqlTest {
  if (left.kind === 'property') {
    if (right.kind === 'number') return numberTest(left.slot, right.number, outcomes['='], NULL)
    if (right.kind === 'text') return textTest(left.slot, right.bytes, NULL)
    if (right.kind === 'property') return propertyTest(left.slot, right.slot)
  }
  if (right.kind === 'property') {
    if (left.kind === 'number') return numberTest(right.slot, left.number, outcomes['='], FALSE)
    if (left.kind === 'text') return textTest(right.slot, left.bytes, FALSE)
  }
  return (message) => equalValues(evaluated(left, message), evaluated(right, message))
}

/** `<` and its like: NULL on either side gives NULL, and two texts are compared as doubles. */
export function orderTest(order: SqlOrder, left: SqlOperand, right: SqlOperand): SqlTest {
  if (left.kind === 'property') {
    if (right.kind === 'number') return numberTest(left.slot, right.number, outcomes[order], NULL)
    if (right.kind === 'property') return propertyOrderTest(left.slot, right.slot, outcomes[order])
  }
  if (left.kind === 'number') {
    if (right.kind === 'property') return numberTest(right.slot, left.number, outcomes[mirrored[order]], NULL)
    if (right.kind === 'number') {
      const truth = outcomeOf(outcomes[order], compareNumbers(left.number, right.number))
      return () => truth
    }
  }
  // what is left is a minus before something that is no number, which is NULL if it is not a fault
  return (message) => {
    if (left.kind === 'test') return left.test(message)
    if (left.kind === 'property' && message.find(left.slot) < 0) return NULL
    return right.kind === 'test' ? right.test(message) : FAULT
  }
}

/** Whether the bytes that begin at `at` are these. The caller knows that as many are there. */
export function isAt(bytes: Buffer, source: Buffer, at: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (byteAt(bytes, i) !== byteAt(source, at + i)) return false
  return true
}

function numberTest(slot: number, number: JavaNumber, outcome: Outcomes, missing: Truth): SqlTest {
  return (message) => {
    const index = message.find(slot)
    if (index < 0) return missing
    const { buffer } = message.properties
    const at = message.properties.valueAt(index)
    return outcomeOf(outcome, compareText(buffer, at, message.properties.valueEnd(index), number))
  }
}

function textTest(slot: number, bytes: Buffer, missing: Truth): SqlTest {
  return (message) => {
    const index = message.find(slot)
    if (index < 0) return missing
    const { properties } = message
    const at = properties.valueAt(index)
    const isSame = properties.valueEnd(index) - at === bytes.length && isAt(bytes, properties.buffer, at)
    return isSame ? TRUE : FALSE
  }
}

function propertyTest(leftSlot: number, rightSlot: number): SqlTest {
  return (message) => {
    const left = message.find(leftSlot)
    const right = message.find(rightSlot)
    if (left < 0) return right < 0 ? TRUE : NULL
    if (right < 0) return FALSE
    const { properties } = message
    const { buffer } = properties
    const at = properties.valueAt(right)
    const order = buffer.compare(
      buffer,
      at,
      properties.valueEnd(right),
      properties.valueAt(left),
      properties.valueEnd(left),
    )
    return order === 0 ? TRUE : FALSE
  }
}

function propertyOrderTest(leftSlot: number, rightSlot: number, outcome: Outcomes): SqlTest {
  return (message) => {
    const leftIndex = message.find(leftSlot)
    if (leftIndex < 0) return NULL
    const rightIndex = message.find(rightSlot)
    if (rightIndex < 0) return NULL
    const { properties } = message
    const { buffer } = properties
    const left = doubleAt(buffer, properties.valueAt(leftIndex), properties.valueEnd(leftIndex))
    const right = doubleAt(buffer, properties.valueAt(rightIndex), properties.valueEnd(rightIndex))
    if (left === undefined || right === undefined) return FAULT
    return outcomeOf(outcome, compareDoubles(left, right))
  }
}

function outcomeOf(outcome: Outcomes, order: number): Truth {
  return outcome[order + 1] as Truth
}

function evaluated(operand: SqlOperand, message: SqlEvaluation): SqlValue {
  switch (operand.kind) {
    case 'number':
      return operand.number
    case 'text':
      return operand.text
    case 'property': {
      const index = message.find(operand.slot)
      return index < 0 ? null : message.properties.text(index)
    }
    case 'test': {
      const truth = operand.test(message)
      if (truth === FAULT) return undefined
      return truth === NULL ? null : truth === TRUE
    }
  }
}

function equalValues(left: SqlValue, right: SqlValue): Truth {
  if (left === undefined || right === undefined) return FAULT
  if (left === null) return right === null ? TRUE : NULL
  if (right === null) return FALSE
  if (typeof left === 'object') return equalNumber(left, right)
  if (typeof right === 'object') return equalNumber(right, left)
  if (typeof left === 'boolean' && typeof right === 'string') return FAULT
  const value = typeof right === 'boolean' && typeof left === 'string' ? /^true$/i.test(left) : left
  return value === right ? TRUE : FALSE
}

function equalNumber(number: JavaNumber, other: boolean | string | JavaNumber): Truth {
  if (typeof other === 'object') return outcomeOf(outcomes['='], compareNumbers(number, other))
  if (typeof other === 'boolean') return FALSE
  const bytes = Buffer.from(other)
  return outcomeOf(outcomes['='], compareText(bytes, 0, bytes.length, number))
}
