import { MqError } from '../../base/errors.ts'
import { groupOfTopic, isRetryTopic } from '../../protocol/names.ts'
import { ExpressionType, type SubscriptionData } from '../../protocol/subscription-data.ts'
import { parseTagExpression } from '../../protocol/tag-expression.ts'
import type { MessageFilter } from '../../store/message-reader.ts'
import type { ConsumerFilters } from './consumer-filters.ts'
import { RetryMessageFilter, SqlMessageFilter, TagFilter } from './message-filter.ts'
import { compileSql } from './sql-filter.ts'

/** Settings that say what may be filtered by SQL92. */
export interface FilterSettings {
  /** Whether at all. */
  readonly enablePropertyFilter: boolean
  /** Whether messages of retry topics as well, by what the group wants of the topics they came from. */
  readonly filterSupportRetry: boolean
}

/**
 * Expressions of requests that are kept compiled: consumers that pull by themselves send theirs with every
 * pull.
 */
const COMPILED_MAX = 100

/** Finds the filter for what a consumer asks for. Undefined where every message passes. */
export class FilterSelection {
  readonly #settings: FilterSettings
  readonly #filters: ConsumerFilters
  readonly #bySubscription = new WeakMap<SubscriptionData, TagFilter>()
  /** Compiled expressions of requests, the least recently used first. */
  readonly #compiled = new Map<string, SqlMessageFilter>()

  constructor(settings: FilterSettings, filters: ConsumerFilters) {
    this.#settings = settings
    this.#filters = filters
  }

  /**
   * Tells whether the broker can filter by an expression (CHECK_CLIENT_CONFIG).
   * @throws MqError filterNotSupported, subscriptionParseFailed
   */
  check({ expressionType, subString }: Pick<SubscriptionData, 'expressionType' | 'subString'>): void {
    if (isTagType(expressionType)) return
    this.#requireSupport(expressionType)
    compileSql(subString)
  }

  /**
   * The filter of a request that brings its expression.
   * @throws MqError subscriptionParseFailed, filterNotSupported
   */
  ofRequest(expressionType: string, expression: string | undefined): MessageFilter | undefined {
    if (isTagType(expressionType)) {
      const { codes } = parseTagExpression(expression)
      return codes.size > 0 ? new TagFilter(codes) : undefined
    }
    if (expression === undefined || expression === '')
      throw new MqError('subscriptionParseFailed', `no expression of type ${expressionType}`)
    this.#requireSupport(expressionType)
    return this.#compile(expression)
  }

  /**
   * The filter of a subscription that a heartbeat has brought.
   * @param subVersion of the subscription that the client pulls with
   * @throws MqError filterDataNotExist, filterDataNotLatest, filterNotSupported, subscriptionParseFailed
   */
  ofSubscription(
    group: string,
    subscription: SubscriptionData,
    subVersion: number,
  ): MessageFilter | undefined {
    const { topic, expressionType } = subscription
    if (subscription.classFilterMode) return undefined
    if (isTagType(expressionType)) return this.#tagFilter(subscription)
    const filter = this.#filters.require(group, topic, subVersion)
    this.#requireSupport(expressionType)
    if (!this.#settings.filterSupportRetry || !isRetryTopic(topic)) return filter
    const retryingGroup = groupOfTopic(topic) ?? group
    return new RetryMessageFilter((origin) => this.#filters.filter(retryingGroup, origin)?.sql)
  }

  #tagFilter(subscription: SubscriptionData): TagFilter | undefined {
    if (subscription.codeSet.length === 0) return undefined
    const known = this.#bySubscription.get(subscription)
    if (known) return known
    const filter = new TagFilter(new Set(subscription.codeSet))
    this.#bySubscription.set(subscription, filter)
    return filter
  }

  #compile(expression: string): SqlMessageFilter {
    const filter = this.#compiled.get(expression) ?? new SqlMessageFilter(compileSql(expression))
    this.#compiled.delete(expression)
    this.#compiled.set(expression, filter)
    if (this.#compiled.size > COMPILED_MAX) {
      const [oldest] = this.#compiled.keys()
      if (oldest !== undefined) this.#compiled.delete(oldest)
    }
    return filter
  }

  #requireSupport(expressionType: string): void {
    if (expressionType === ExpressionType.SQL92 && this.#settings.enablePropertyFilter) return
    throw new MqError(
      'filterNotSupported',
      `The broker does not support consumer to filter message by ${expressionType}`,
    )
  }
}

/**
 * Whether an expression is one of tags: clients that know no other name no type (ExpressionType.isTagType).
 */
export function isTagType(expressionType: string): boolean {
  return expressionType === '' || expressionType === ExpressionType.TAG
}
