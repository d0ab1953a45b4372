import { MqError } from '../../base/errors.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { PropertyScan } from '../../protocol/property-scan.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { Divert } from '../diversion.ts'
import type { IncomingMessage } from '../incoming-message.ts'
import type { TopicTable } from '../topic-table.ts'
import type { TimerWeight } from './timer-counts.ts'
import { type TimerEntry, TimerKind } from './timer-entry.ts'

/** RocketMQ's `timerPrecisionMs`: TIMER_OUT_MS names the second before the one in which a message falls due. */
export const TIMER_PRECISION_MS = 1000

/** Properties that ask for a timer begin so: one look tells most messages apart. */
const REQUEST_PREFIX = 'TIMER_DEL'

/** Takes messages that ask for a time of their own to the timer topic (RocketMQ's HookUtils; protocol/semantics.md §4). */
export function timerDiversion(settings: BrokerSettings, store: MessageStore, topics: TopicTable): Divert {
  return (message, properties) => {
    const { scan } = properties
    if (!scan.hasPrefix(REQUEST_PREFIX) || !isWhole(message)) return undefined
    // one that has waited asks no more (protocol/pitfalls.md 5)
    if (scan.find(PropertyName.TIMER_OUT_MS) >= 0) return undefined
    store.renewStoreTime()
    const timerOutMs = timerOutMsOf(scan, store.nextStoreTimestampMs, settings.timerMaxDelaySec)
    if (timerOutMs === undefined) return undefined
    properties.set([
      [PropertyName.TIMER_OUT_MS, String(timerOutMs)],
      [PropertyName.REAL_TOPIC, message.topicName],
      [PropertyName.REAL_QID, String(message.queueId)],
    ])
    const topic = topics.require(SystemTopic.TIMER)
    return { topic: topic.queues, queueId: 0, countedFor: topic, timerOutMs }
  }
}

/** Whether a message is no part of a transaction that is still open. */
function isWhole({ sysFlag }: IncomingMessage): boolean {
  const transaction = sysFlag & MessageSysFlag.TRANSACTION_MASK
  return transaction === 0 || transaction === MessageSysFlag.TRANSACTION_COMMIT
}

/**
 * The second before the one in which a message wants to be delivered.
 * @returns undefined when it does not want to wait, or its time has come
 * @throws MqError messageIllegal
 */
function timerOutMsOf(scan: PropertyScan, nowMs: number, maxDelaySec: number): number | undefined {
  const deliverMs = deliverMsOf(scan, nowMs)
  if (deliverMs === undefined) return undefined
  if (!Number.isSafeInteger(deliverMs) || deliverMs - nowMs > maxDelaySec * 1000)
    throw new MqError('messageIllegal', `a timer of more than timerMaxDelaySec ${maxDelaySec}`)
  if (deliverMs > nowMs) return Math.ceil(deliverMs / TIMER_PRECISION_MS - 1) * TIMER_PRECISION_MS
  if (scan.find(PropertyName.TIMER_DEL_UNIQKEY) < 0) return undefined
  throw new MqError('messageIllegal', 'the message that is to be deleted has fallen due')
}

/**
 * What the index knows of a timer message, from its record alone: so that the index can be made again from the log.
 * @param properties those of the record
 * @param rollWindowMs see `BrokerSettings.timerRollWindowSec`
 * @returns undefined when it does not say when it is due
 */
export function timerEntryOf(
  record: RecordScan,
  properties: PropertyScan,
  rollWindowMs: number,
): TimerEntry | undefined {
  const outMs = Number(properties.optionalText(PropertyName.TIMER_OUT_MS) ?? Number.NaN)
  if (!Number.isSafeInteger(outMs)) return undefined
  const { bytes, physicalOffset, queueOffset, storeTimestampMs } = record
  const place = { queueOffset, physicalOffset, bytes }
  const waitMs = outMs - storeTimestampMs
  if (waitMs >= rollWindowMs) {
    // not so late that the next wait is a short one
    const isNearlyTwo = waitMs - rollWindowMs < rollWindowMs / 3
    const rollMs = isNearlyTwo ? rollWindowMs / 2 : rollWindowMs
    return { ...place, dueMs: storeTimestampMs + rollMs, kind: TimerKind.ROLL }
  }
  // before all messages of its second
  if (properties.find(PropertyName.TIMER_DEL_UNIQKEY) >= 0)
    return { ...place, dueMs: outMs, kind: TimerKind.DELETE }
  const latestMs = outMs + TIMER_PRECISION_MS
  const exactMs = deliverMsOf(properties, storeTimestampMs) ?? latestMs
  // a record that was rolled, or is RocketMQ's, was stored at another time than that from which its delay counts
  const isOfSecond = exactMs > outMs && exactMs <= latestMs
  return { ...place, dueMs: isOfSecond ? exactMs : latestMs, kind: TimerKind.DELIVER }
}

/** What a timer message with these properties is in the counts: one more that waits, or the recall of one. */
export function timerWeightOf(properties: PropertyScan): TimerWeight | undefined {
  const topic = properties.optionalText(PropertyName.REAL_TOPIC)
  return topic === undefined
    ? undefined
    : { topic, weight: properties.find(PropertyName.TIMER_DEL_UNIQKEY) >= 0 ? -1 : 1 }
}

/** The name by which a message is deleted (TimerMessageStore.buildDeleteKey). */
export function timerDeleteKey(topic: string, uniqueKey: string): string {
  return `${topic}_${uniqueKey}`
}

/** When a message asks to be delivered; undefined when it does not, NaN when it cannot be read. */
function deliverMsOf(scan: PropertyScan, nowMs: number): number | undefined {
  const seconds = scan.optionalText(PropertyName.TIMER_DELAY_SEC)
  if (seconds !== undefined) return nowMs + integerOf(seconds) * 1000
  const ms = scan.optionalText(PropertyName.TIMER_DELAY_MS)
  if (ms !== undefined) return nowMs + integerOf(ms)
  const at = scan.optionalText(PropertyName.TIMER_DELIVER_MS)
  return at === undefined ? undefined : integerOf(at)
}

function integerOf(text: string): number {
  return /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
}
