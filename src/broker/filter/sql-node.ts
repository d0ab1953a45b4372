import type { JavaNumber } from './java-number.ts'

/** How two values may be ordered. */
export type SqlOrder = '<' | '<=' | '>' | '>='

/** Where in a value's text another text is looked for. */
export type SqlSearch = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH'

/** A part of an SQL92 expression. BETWEEN, IS NULL and `<>` are spelled in terms of the others. */
export type SqlNode =
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | JavaNumber }
  /** Unary minus: makes NULL of what is no number. */
  | { readonly kind: 'minus'; readonly operand: SqlNode }
  | SqlCondition

/** A part whose value is true, false or NULL. */
export type SqlCondition =
  | { readonly kind: 'constant'; readonly value: boolean | null }
  /** A property where a condition has to stand: its text is never true. */
  | { readonly kind: 'cast'; readonly name: string }
  | { readonly kind: 'not'; readonly operand: SqlCondition }
  /** As many as the expression joins, from left to right. */
  | { readonly kind: 'AND' | 'OR'; readonly operands: SqlCondition[] }
  | { readonly kind: 'equal'; readonly left: SqlNode; readonly right: SqlNode }
  | { readonly kind: 'order'; readonly order: SqlOrder; readonly left: SqlNode; readonly right: SqlNode }
  | {
      readonly kind: 'search'
      readonly search: SqlSearch
      readonly isNegated: boolean
      readonly operand: SqlNode
      readonly text: string
    }
  | {
      readonly kind: 'in'
      readonly isNegated: boolean
      readonly name: string
      readonly values: readonly string[]
    }

/** Whether a part can stand where a condition has to, as it is. */
export function isCondition(node: SqlNode): node is SqlCondition {
  return node.kind !== 'property' && node.kind !== 'literal' && node.kind !== 'minus'
}
