import type { FastJson } from './fastjson.ts'
import { type JsonFields, readInteger } from './json-fields.ts'
import { SUBSCRIBE_ALL, type TagExpression } from './tag-expression.ts'

/**
 * The language a filter expression is written in. Others that clients name are kept and refused where they
 * are used.
 */
export const ExpressionType = { TAG: 'TAG', SQL92: 'SQL92' } as const

/** What a consumer wants of one topic. */
export interface SubscriptionData {
  readonly topic: string
  readonly subString: string
  readonly tagsSet: readonly string[]
  /** Java hash codes of the tags. */
  readonly codeSet: readonly number[]
  /** When it was made: milliseconds from Java, nanoseconds from Go. Only compared, never counted with. */
  readonly subVersion: bigint
  readonly expressionType: string
  readonly classFilterMode: boolean
}

/** The subscription to a topic by tags. */
export function tagSubscription(
  topic: string,
  expression: TagExpression,
  subVersion: bigint,
): SubscriptionData {
  return {
    topic,
    subString: expression.subString,
    tagsSet: [...expression.tags],
    codeSet: [...expression.codes],
    subVersion,
    expressionType: ExpressionType.TAG,
    classFilterMode: false,
  }
}

/** The subscription to a topic by an expression in SQL92. */
export function sqlSubscription(topic: string, expression: string, subVersion: bigint): SubscriptionData {
  return {
    ...{ topic, subString: expression, tagsSet: [], codeSet: [], subVersion },
    ...{ expressionType: ExpressionType.SQL92, classFilterMode: false },
  }
}

/** The subscription as a JSON value, its keys in fastjson's order. */
export function subscriptionDataJson(subscription: SubscriptionData): FastJson {
  return {
    classFilterMode: subscription.classFilterMode,
    codeSet: subscription.codeSet,
    expressionType: subscription.expressionType,
    subString: subscription.subString,
    subVersion: subscription.subVersion,
    tagsSet: subscription.tagsSet,
    topic: subscription.topic,
  }
}

/**
 * Reads a subscription.
 * @throws MqError badBody when a field is missing or of another type
 */
export function readSubscriptionData(fields: JsonFields): SubscriptionData {
  return {
    topic: fields.text('topic'),
    subString: fields.text('subString', SUBSCRIBE_ALL),
    tagsSet: fields.texts('tagsSet'),
    codeSet: fields.list('codeSet', readInteger),
    subVersion: fields.int64('subVersion', 0n),
    expressionType: fields.text('expressionType', ExpressionType.TAG),
    classFilterMode: fields.flag('classFilterMode', false),
  }
}
