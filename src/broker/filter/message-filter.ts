import { MqError } from '../../base/errors.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { MessageFilter } from '../../store/message-reader.ts'
import { readRecordProperties } from './record-properties.ts'
import type { SqlFilter } from './sql-filter.ts'

/** A filter that looks at the messages themselves where their queue entries do not decide. */
export interface RecordFilter extends MessageFilter {
  /** By the whole record, which stands at `[at, end)`. Asked only where `mayMatch` has let the entry pass. */
  matchesRecord(source: Buffer, at: number, end: number): boolean
}

/**
 * Lets messages pass whose tag has one of these hashes (protocol/semantics.md §14). Tags that share a hash
 * are told apart by the clients (protocol/pitfalls.md 16).
 */
export class TagFilter implements MessageFilter {
  readonly #codes: ReadonlySet<number>

  constructor(codes: ReadonlySet<number>) {
    this.#codes = codes
  }

  mayMatch(tagsCode: number): boolean {
    return this.#codes.has(tagsCode | 0)
  }
}

/** Lets messages pass whose properties make an SQL92 expression true. */
export class SqlMessageFilter implements RecordFilter {
  readonly sql: SqlFilter

  constructor(sql: SqlFilter) {
    this.sql = sql
  }

  mayMatch(): boolean {
    return true
  }

  matchesRecord(source: Buffer, at: number, end: number): boolean {
    return isReadable(source, at, end) && this.sql.matches(properties)
  }
}

/**
 * Lets messages of a retry topic pass by the expression that the group has for the topic they came from,
 * where it has one (`filterSupportRetry`, RocketMQ's ExpressionForRetryMessageFilter).
 */
export class RetryMessageFilter implements RecordFilter {
  readonly #filterOf: (topic: string) => SqlFilter | undefined

  /** @param filterOf the group's expression for a topic */
  constructor(filterOf: (topic: string) => SqlFilter | undefined) {
    this.#filterOf = filterOf
  }

  mayMatch(): boolean {
    return true
  }

  matchesRecord(source: Buffer, at: number, end: number): boolean {
    if (!isReadable(source, at, end)) return false
    const topic = properties.optionalText(PropertyName.RETRY_TOPIC)
    const sql = topic === undefined ? undefined : this.#filterOf(topic)
    return sql?.matches(properties) ?? true
  }
}

/** Properties of the message that is looked at, for all filters: none keeps them. */
const properties = new PropertyScan()

/** Reads `properties`. A message that has too many of them to be looked at is not delivered. */
function isReadable(source: Buffer, at: number, end: number): boolean {
  try {
    return readRecordProperties(properties, source, at, end)
  } catch (error) {
    if (error instanceof MqError) return false
    throw error
  }
}
