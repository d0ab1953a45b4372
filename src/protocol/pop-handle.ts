import { MqError } from '../base/errors.ts'
import { isPopRetryTopicV2, isRetryTopic, popRetryTopicOf, popRetryTopicV2Of } from './names.ts'

/** The revive queue that handles of ordered pops name (KeyBuilder.POP_ORDER_REVIVE_QUEUE): they have no check point. */
export const ORDER_REVIVE_QUEUE_ID = 999

/** Where a popped message came from: the topic itself, its retry topic v1, its retry topic v2 (ExtraInfoUtil). */
export const popOrigins = ['0', '1', '2'] as const
export type PopOrigin = (typeof popOrigins)[number]

/**
 * What a popped message is acknowledged by: property POP_CK and field `extraInfo`, its parts joined by spaces (RocketMQ's ExtraInfoUtil):
 *
 *     startOffset popTime invisibleTime reviveQueueId origin brokerName queueId queueOffset
 */
export interface PopHandle {
  /** Where the read began that found the message. */
  readonly startOffset: number
  /** Wall clock of the broker. */
  readonly popTimeMs: number
  readonly invisibleMs: number
  readonly reviveQueueId: number
  readonly origin: PopOrigin
  readonly brokerName: string
  readonly queueId: number
  readonly queueOffset: number
}

/** Writes a handle. */
export function popHandleText(handle: PopHandle): string {
  return [
    ...[handle.startOffset, handle.popTimeMs, handle.invisibleMs, handle.reviveQueueId],
    ...[handle.origin, handle.brokerName, handle.queueId, handle.queueOffset],
  ].join(' ')
}

/** Reads a handle, of which clients may leave out the last parts. @throws MqError invalidParameter */
export function parsePopHandle(
  text: string,
): Pick<PopHandle, 'startOffset' | 'popTimeMs' | 'invisibleMs' | 'reviveQueueId'> {
  const numbers = text.split(' ', 4).map((part) => (/^-?\d{1,16}$/.test(part) ? Number(part) : Number.NaN))
  const [startOffset, popTimeMs, invisibleMs, reviveQueueId] = numbers
  if (
    startOffset === undefined ||
    popTimeMs === undefined ||
    invisibleMs === undefined ||
    reviveQueueId === undefined ||
    !numbers.every(Number.isSafeInteger)
  ) {
    throw new MqError(
      'invalidParameter',
      `extraInfo is no handle of a popped message: "${text.slice(0, 80)}"`,
    )
  }
  return { startOffset, popTimeMs, invisibleMs, reviveQueueId }
}

/** Where messages of this topic count as coming from. */
export function popOriginOf(topic: string): PopOrigin {
  if (isPopRetryTopicV2(topic)) return '2'
  return isRetryTopic(topic) ? '1' : '0'
}

/** The topic in which a message of this origin stands. @throws MqError invalidParameter when there is no such origin */
export function popTopicOf(topic: string, group: string, origin: string): string {
  switch (origin) {
    case '0':
      return topic
    case '1':
      return popRetryTopicOf(group, topic)
    case '2':
      return popRetryTopicV2Of(group, topic)
    default:
      throw new MqError('invalidParameter', `"${origin.slice(0, 20)}" is no origin of a popped message`)
  }
}

/** An entry of `startOffsetInfo`; entries are joined by `;`. */
export function startOffsetInfo(topic: string, queueId: number, startOffset: number): string {
  return `${popOriginOf(topic)} ${queueId} ${startOffset}`
}

/** An entry of `msgOffsetInfo`: the queue offsets of the messages that one queue gave. */
export function messageOffsetInfo(topic: string, queueId: number, queueOffsets: readonly number[]): string {
  return `${popOriginOf(topic)} ${queueId} ${queueOffsets.join(',')}`
}

/** An entry of `orderCountInfo`: how often the messages of a queue were delivered before, the least of them. */
export function queueOrderCountInfo(topic: string, queueId: number, count: number): string {
  return `${popOriginOf(topic)} ${queueId} ${count}`
}

/** An entry of `orderCountInfo` for one message. */
export function messageOrderCountInfo(
  topic: string,
  {
    queueId,
    queueOffset,
    count,
  }: { readonly queueId: number; readonly queueOffset: number; readonly count: number },
): string {
  return `${popOriginOf(topic)} qo${queueId}%${queueOffset} ${count}`
}

/** Reads a handle that is whole, as brokers write it into messages that they deliver again. @throws MqError invalidParameter */
export function parseWholePopHandle(text: string): PopHandle {
  const [, , , , origin = '', brokerName = '', queueId = '', queueOffset = ''] = text.split(' ')
  const known = popOrigins.find((candidate) => candidate === origin)
  if (known === undefined || !/^\d{1,10}$/.test(queueId) || !/^\d{1,16}$/.test(queueOffset)) {
    throw new MqError('invalidParameter', `"${text.slice(0, 80)}" is no whole handle of a popped message`)
  }
  const place = { brokerName, queueId: Number(queueId), queueOffset: Number(queueOffset) }
  return { ...parsePopHandle(text), origin: known, ...place }
}

/** Where the reads of a pop began, by `origin queueId`: field `startOffsetInfo` of its answer. */
export function parseStartOffsets(text: string): Map<string, number> {
  const offsets = new Map<string, number>()
  for (const entry of text.split(';')) {
    const [origin, queueId, startOffset] = entry.split(' ')
    if (startOffset !== undefined) offsets.set(`${origin} ${queueId}`, Number(startOffset))
  }
  return offsets
}
