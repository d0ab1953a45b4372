import type { ConsumeFromWhere } from '../protocol/heartbeat-data.ts'
import { checkTopic, isRetryTopic } from '../protocol/names.ts'
import { type SubscriptionData, sqlSubscription, tagSubscription } from '../protocol/subscription-data.ts'
import { parseTagExpression, type TagExpression } from '../protocol/tag-expression.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import { SqlFilter } from './sql-filter.ts'

/** What messages of a topic must be like: tags joined by `||`, or an `sql` template. Every message if left out. */
export type Filter = string | SqlFilter

/** What a consumer wants of one topic. */
export interface Subscription {
  readonly topic: string
  /** What is looked at here: tags, of which brokers compare hashes only. */
  readonly filter: TagExpression
  /** As heartbeats say it. */
  readonly data: SubscriptionData
}

/** @throws ClientError invalidParameter, subscriptionParseFailed */
export function subscriptionTo(topic: string, filter: Filter | undefined, nowMs: number): Subscription {
  try {
    checkTopic(topic)
    if (filter instanceof SqlFilter) {
      const data = sqlSubscription(topic, filter.expression, BigInt(nowMs))
      return { topic, filter: parseTagExpression(undefined), data }
    }
    const tags = parseTagExpression(filter)
    return { topic, filter: tags, data: tagSubscription(topic, tags, BigInt(nowMs)) }
  } catch (error) {
    throw clientErrorOf(error)
  }
}

/**
 * Where a group begins in a queue of which it has committed nothing: at its end, its beginning, or at a time.
 */
export type StartFrom = 'latest' | 'earliest' | number | { getTime(): number }

/** A start as the client works with it. */
export type StartPoint =
  | { readonly at: 'latest' | 'earliest' }
  | { readonly at: 'time'; readonly timestampMs: number }

/** @throws ClientError invalidParameter for what is no time */
export function startPointOf(from: StartFrom): StartPoint {
  if (from === 'latest' || from === 'earliest') return { at: from }
  const timestampMs = typeof from === 'number' ? from : from.getTime()
  if (Number.isSafeInteger(timestampMs)) return { at: 'time', timestampMs }
  throw new ClientError('invalidParameter', `from wants latest, earliest or a time, not ${String(from)}`)
}

/** A group's own retry topic is read from its beginning, wherever the others start. */
export function startIn(topic: string, start: StartPoint): StartPoint {
  return isRetryTopic(topic) ? { at: 'earliest' } : start
}

/** As heartbeats say it. */
export function consumeFromWhereOf({ at }: StartPoint): ConsumeFromWhere {
  if (at === 'time') return 'CONSUME_FROM_TIMESTAMP'
  return at === 'latest' ? 'CONSUME_FROM_LAST_OFFSET' : 'CONSUME_FROM_FIRST_OFFSET'
}
