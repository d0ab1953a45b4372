import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/** One statistic over one span of time. */
export interface BrokerStatsItem {
  readonly sum: number
  /** A second. */
  readonly tps: number
  /** Average of one call. */
  readonly avgpt: number
}

/** One statistic: the body of VIEW_BROKER_STATS_DATA's answer. */
export interface BrokerStats {
  readonly statsMinute: BrokerStatsItem
  readonly statsHour: BrokerStatsItem
  readonly statsDay: BrokerStatsItem
}

/** Writes the answer of VIEW_BROKER_STATS_DATA. */
export function encodeBrokerStats({ statsDay, statsHour, statsMinute }: BrokerStats): Buffer {
  return fastJsonBytes({
    statsDay: itemJson(statsDay),
    statsHour: itemJson(statsHour),
    statsMinute: itemJson(statsMinute),
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeBrokerStats(body: Buffer): BrokerStats {
  const fields = JsonFields.ofBody(body, 'broker stats')
  return {
    statsMinute: readItem(fields.object('statsMinute')),
    statsHour: readItem(fields.object('statsHour')),
    statsDay: readItem(fields.object('statsDay')),
  }
}

function itemJson({ avgpt, sum, tps }: BrokerStatsItem): FastJson {
  return { avgpt, sum, tps }
}

function readItem(fields: JsonFields): BrokerStatsItem {
  return { sum: fields.integer('sum', 0), tps: fields.number('tps', 0), avgpt: fields.number('avgpt', 0) }
}
