import { MqError } from '../../base/errors.ts'
import type { Clock } from '../../base/host.ts'
import { readFastJson } from '../../protocol/fastjson.ts'
import { writeFastJson } from '../../protocol/fastjson-writer.ts'
import { JsonFields } from '../../protocol/json-fields.ts'
import { ExpressionType, type SubscriptionData } from '../../protocol/subscription-data.ts'
import type { MetadataTable } from '../metadata.ts'
import { bloomFilterData } from './bloom-filter.ts'
import {
  type ConsumerFilterData,
  consumerFilterJson,
  decodeConsumerFilters,
  encodeConsumerFilters,
  isDead,
  readConsumerFilter,
} from './consumer-filter-data.ts'
import { SqlMessageFilter } from './message-filter.ts'
import { compileSql } from './sql-filter.ts'

/** How long a filter that nobody asks for is kept (filterDataCleanTimeSpan). */
const DEAD_MS_MAX = 24 * 3600 * 1000

/**
 * A client that was there until the broker stopped counts as dead since this long before its start (as in
 * RocketMQ).
 */
const DEAD_BEFORE_START_MS = 30_000

/**
 * Most characters of all filters together, so that a file of them can always be read again; some 20,000 usual
 * ones.
 */
const TABLE_LENGTH_MAX = 8_000_000

/** Characters that a filter takes beside its expression. */
const FILTER_LENGTH = 400

/** A filter, compiled when it is first used. */
interface Entry {
  data: ConsumerFilterData
  filter: SqlMessageFilter | undefined
}

/**
 * What consumer groups filter by SQL92, as their heartbeats say: RocketMQ's ConsumerFilterManager and
 * consumerFilter.json. A group's filter outlives its consumers by a day, and the broker.
 */
export class ConsumerFilters implements MetadataTable {
  readonly fileName = 'consumerFilter.json'
  readonly journalKind = 'f'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #clock: Clock
  /** By group and topic. */
  readonly #groups = new Map<string, Map<string, Entry>>()
  #length = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes the subscriptions of a heartbeat. An expression gives way only to a newer one; one that cannot be
   * compiled takes the group's filter away, so that its pulls fail. Topics that are not among them any more
   * are marked.
   */
  register(group: string, subscriptions: readonly SubscriptionData[]): void {
    for (const subscription of subscriptions) {
      const isSql = subscription.expressionType === ExpressionType.SQL92
      if (isSql && subscription.subString !== '') this.#register(group, subscription)
    }
    const entries = this.#groups.get(group)
    if (!entries) return
    const topics = new Set(subscriptions.map(({ topic }) => topic))
    for (const entry of entries.values()) if (!topics.has(entry.data.topic)) this.#die(entry)
  }

  /** The last consumer of a group has gone. */
  unregister(group: string): void {
    for (const entry of this.#groups.get(group)?.values() ?? []) this.#die(entry)
  }

  /** What a group filters a topic by; undefined when it does not. */
  get(group: string, topic: string): ConsumerFilterData | undefined {
    return this.#find(group, topic)?.data
  }

  all(): ConsumerFilterData[] {
    return [...this.#groups.values()].flatMap((entries) => Array.from(entries.values(), ({ data }) => data))
  }

  /**
   * The filter of a group for a topic, compiled.
   * @throws MqError subscriptionParseFailed when it came from a file and is beyond our limits
   */
  filter(group: string, topic: string): SqlMessageFilter | undefined {
    const entry = this.#find(group, topic)
    if (entry) entry.filter ??= new SqlMessageFilter(compileSql(entry.data.expression))
    return entry?.filter
  }

  /**
   * The filter that a pull goes by.
   * @param subVersion of the subscription that the client pulls with
   * @throws MqError filterDataNotExist, filterDataNotLatest, subscriptionParseFailed
   */
  require(group: string, topic: string, subVersion: number): SqlMessageFilter {
    const filter = this.filter(group, topic)
    if (!filter) {
      throw new MqError(
        'filterDataNotExist',
        `group ${group} has no filter for topic ${topic} here: its expression may be wrong`,
      )
    }
    if (Number(this.get(group, topic)?.clientVersion) < subVersion) {
      throw new MqError(
        'filterDataNotLatest',
        `the filter of group ${group} for topic ${topic} is older than the pull's`,
      )
    }
    return filter
  }

  load(content: Buffer): void {
    this.#groups.clear()
    this.#length = 0
    for (const data of decodeConsumerFilters(content)) this.#set(this.#asOfStart(data), undefined)
  }

  replay(text: string): void {
    const value = readFastJson(text.slice(1))
    if (text[0] === '+')
      this.#set(this.#asOfStart(readConsumerFilter(new JsonFields(value, 'filter'))), undefined)
    else {
      const fields = new JsonFields(value, 'filter')
      this.#delete(fields.text('consumerGroup'), fields.text('topic'))
    }
  }

  /** The file, without those that have been dead for too long, which are forgotten. */
  encode(): Buffer {
    const nowMs = this.#clock.nowMs()
    for (const data of this.all()) {
      if (isDead(data) && nowMs - data.deadMs >= DEAD_MS_MAX) this.#delete(data.consumerGroup, data.topic)
    }
    return encodeConsumerFilters(this.all())
  }

  #register(group: string, { topic, subString, subVersion, expressionType }: SubscriptionData): void {
    const known = this.#find(group, topic)
    if (known && subVersion <= known.data.clientVersion) {
      if (subVersion === known.data.clientVersion && isDead(known.data))
        this.#put({ ...known.data, deadMs: 0 }, known.filter)
      return
    }
    if (known?.data.expression === subString) {
      this.#put({ ...known.data, clientVersion: subVersion, deadMs: 0 }, known.filter)
      return
    }
    const filter = this.#length > TABLE_LENGTH_MAX ? undefined : compiled(subString)
    if (!filter) {
      if (known) this.#remove(known.data)
      return
    }
    const data: ConsumerFilterData = {
      topic,
      consumerGroup: group,
      expression: subString,
      expressionType,
      clientVersion: subVersion,
      bornMs: this.#clock.nowMs(),
      deadMs: 0,
      bloomFilterData: bloomFilterData(group, topic),
    }
    this.#put(data, filter)
  }

  #die({ data, filter }: Entry): void {
    if (!isDead(data)) this.#put({ ...data, deadMs: Math.max(this.#clock.nowMs(), data.bornMs) }, filter)
  }

  /** Nobody is connected when a broker starts. */
  #asOfStart(data: ConsumerFilterData): ConsumerFilterData {
    if (data.deadMs !== 0) return data
    return { ...data, deadMs: Math.max(this.#clock.nowMs() - DEAD_BEFORE_START_MS, data.bornMs) }
  }

  #find(group: string, topic: string): Entry | undefined {
    return this.#groups.get(group)?.get(topic)
  }

  #put(data: ConsumerFilterData, filter: SqlMessageFilter | undefined): void {
    this.#set(data, filter)
    this.onChange(`+${writeFastJson(consumerFilterJson(data))}`)
  }

  #remove({ consumerGroup, topic }: ConsumerFilterData): void {
    this.#delete(consumerGroup, topic)
    this.onChange(`-${writeFastJson({ consumerGroup, topic })}`)
  }

  #set(data: ConsumerFilterData, filter: SqlMessageFilter | undefined): void {
    const { consumerGroup, topic } = data
    this.#delete(consumerGroup, topic)
    const entries = this.#groups.get(consumerGroup) ?? new Map<string, Entry>()
    this.#groups.set(consumerGroup, entries.set(topic, { data, filter }))
    this.#length += lengthOf(data)
  }

  #delete(group: string, topic: string): void {
    const entries = this.#groups.get(group)
    const entry = entries?.get(topic)
    if (!entries || !entry) return
    this.#length -= lengthOf(entry.data)
    entries.delete(topic)
    if (entries.size === 0) this.#groups.delete(group)
  }
}

function lengthOf(data: ConsumerFilterData): number {
  return data.expression.length + FILTER_LENGTH
}

/** The client has been told what is wrong with its expression when it asked (CHECK_CLIENT_CONFIG). */
function compiled(expression: string): SqlMessageFilter | undefined {
  try {
    return new SqlMessageFilter(compileSql(expression))
  } catch (error) {
    if (error instanceof MqError) return undefined
    throw error
  }
}
