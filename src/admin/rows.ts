import type { LocalTime } from '../base/host.ts'
import type { BrokerAddress } from './cluster.ts'
import type { Row } from './verb.ts'

/** Brokers in a sentence. */
export function namesOf(brokers: readonly BrokerAddress[]): string {
  return brokers.map(({ brokerName }) => brokerName).join(', ')
}

/** `1 client`, `2 clients` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Orders rows by their columns `broker` and `queue`. */
export function byBrokerAndQueue(one: Row, other: Row): number {
  if (one.broker !== other.broker) return String(one.broker) < String(other.broker) ? -1 : 1
  return Number(one.queue) - Number(other.queue)
}

/** By topic, then by broker and queue. */
export function byTopicAndQueue(one: Row, other: Row): number {
  if (one.topic === other.topic) return byBrokerAndQueue(one, other)
  return String(one.topic) < String(other.topic) ? -1 : 1
}

/** A moment as people write it: `2026-11-26 18:00:00.000`. */
export function localText(time: LocalTime): string {
  const { year, month, day, hour, minute, second, millisecond } = time
  const two = (value: number): string => String(value).padStart(2, '0')
  const fraction = String(millisecond).padStart(3, '0')
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}.${fraction}`
}
