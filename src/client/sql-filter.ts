import { ClientError } from './client-error.ts'

/** What may stand in an `sql` template: literals, lists of texts for IN, and other filters. */
export type SqlValue = string | number | bigint | boolean | readonly string[] | SqlFilter

/** A filter by properties, in the broker's SQL92 (docs/client.md). Made by `sql`. */
export class SqlFilter {
  readonly expression: string

  /** @throws ClientError subscriptionParseFailed for an empty expression */
  constructor(expression: string) {
    this.expression = expression.trim()
    if (this.expression === '') throw new ClientError('subscriptionParseFailed', 'an SQL filter is empty')
  }
}

/**
 * A filter by properties: sql`price > ${5} AND region IN (${['north', 'south']})`. Values become literals, so that
 * nothing in them is taken for SQL.
 * @throws ClientError subscriptionParseFailed for a value that no literal can be
 */
export function sql(texts: TemplateStringsArray, ...values: readonly SqlValue[]): SqlFilter {
  let expression = texts[0] ?? ''
  for (const [index, value] of values.entries()) expression += literalOf(value) + (texts[index + 1] ?? '')
  return new SqlFilter(expression)
}

function literalOf(value: SqlValue): string {
  if (value instanceof SqlFilter) return `(${value.expression})`
  switch (typeof value) {
    case 'string':
      return `'${value.replaceAll("'", "''")}'`
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 'TRUE' : 'FALSE'
    case 'number':
      // a number such as 1e21 is no literal of RocketMQ's grammar in every release
      if (Number.isFinite(value) && /^-?\d+(\.\d+)?$/.test(String(value))) return String(value)
      break
    case 'object':
      if (Array.isArray(value) && value.length > 0) return value.map(literalOf).join(', ')
  }
  throw new ClientError('subscriptionParseFailed', `an SQL filter cannot hold ${String(value)}`)
}
