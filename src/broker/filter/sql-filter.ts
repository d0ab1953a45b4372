import { MqError } from '../../base/errors.ts'
import type { PropertyScan } from '../../protocol/property-scan.ts'
import { SqlCompiler } from './sql-compiler.ts'
import { SqlEvaluation, type SqlTest, Truth } from './sql-evaluation.ts'
import { parseSql } from './sql-parser.ts'

/** Most characters of an expression. */
export const EXPRESSION_LENGTH_MAX = 4096

/** What an expression comes to; 'error' where RocketMQ's evaluation throws, or the steps are used up. */
export type SqlResult = 'true' | 'false' | 'null' | 'error'

const results: Readonly<Record<Truth, SqlResult>> = {
  [Truth.TRUE]: 'true',
  [Truth.FALSE]: 'false',
  [Truth.NULL]: 'null',
  [Truth.FAULT]: 'error',
}

/** A compiled SQL92 expression (protocol/semantics.md §15). Made by `compileSql`. */
export class SqlFilter {
  readonly expression: string
  readonly #test: SqlTest
  readonly #evaluation: SqlEvaluation

  constructor(expression: string, test: SqlTest, evaluation: SqlEvaluation) {
    this.expression = expression
    this.#test = test
    this.#evaluation = evaluation
  }

  /** Whether a message with these properties is delivered: only when the expression is true. */
  matches(properties: PropertyScan): boolean {
    this.#evaluation.begin(properties)
    return this.#test(this.#evaluation) === Truth.TRUE && !this.#evaluation.isSpent
  }

  /** As `matches`, telling what else there is. */
  evaluate(properties: PropertyScan): SqlResult {
    this.#evaluation.begin(properties)
    const truth = this.#test(this.#evaluation)
    return this.#evaluation.isSpent ? 'error' : results[truth]
  }
}

/**
 * Compiles an SQL92 expression.
 * @throws MqError subscriptionParseFailed with RocketMQ's text, or when it is longer or nested deeper than
 * allowed
 */
export function compileSql(expression: string): SqlFilter {
  if (expression.length > EXPRESSION_LENGTH_MAX) {
    throw new MqError(
      'subscriptionParseFailed',
      `an expression of ${expression.length} characters, more than ${EXPRESSION_LENGTH_MAX}`,
    )
  }
  const compiler = new SqlCompiler()
  const test = compiler.test(parseSql(expression))
  return new SqlFilter(expression, test, new SqlEvaluation(compiler.names))
}
