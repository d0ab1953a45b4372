import type { PopRequest, PopResult } from '../../broker/pop/pop-request.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import {
  messageOffsetInfo,
  messageOrderCountInfo,
  ORDER_REVIVE_QUEUE_ID,
  queueOrderCountInfo,
  startOffsetInfo,
} from '../../protocol/pop-handle.ts'

/** Where a group that has never been here begins (ConsumeInitMode). */
const INIT_MODE_MAX = 1

/** Longest time a pop may wait for a message. */
export const POLL_MS_MAX = 60_000

/** What a pop asks for. @throws MqError invalidParameter */
export function popRequestOf(header: HeaderScan): PopRequest {
  return {
    group: header.requiredText('consumerGroup'),
    topic: header.requiredText('topic'),
    queueId: header.requiredInteger('queueId'),
    countMax: header.requiredInteger('maxMsgNums'),
    invisibleMs: Math.max(header.requiredInteger('invisibleTime'), 0),
    isFromEnd: header.optionalInteger('initMode', 0) === INIT_MODE_MAX,
    isOrdered: header.optionalBoolean('order') ?? false,
    attemptId: header.optionalText('attemptId'),
    expressionType: header.optionalText('expType') ?? '',
    expression: header.optionalText('exp'),
  }
}

/** How long the client still waits, by its own clock; a client that does not say when it asked has asked now. */
export function pollMsOf(header: HeaderScan, nowMs: number): number {
  const bornMs = header.optionalInteger('bornTime', 0)
  return (bornMs === 0 ? nowMs : bornMs) + header.requiredInteger('pollTime') - nowMs
}

/** The fields of an answer to a pop (protocol/requests.md §3). */
export function popFieldsOf(request: PopRequest, result: PopResult): Record<string, string> {
  const { queues } = result
  return {
    popTime: String(result.popTimeMs),
    invisibleTime: String(request.invisibleMs),
    reviveQid: String(request.isOrdered ? ORDER_REVIVE_QUEUE_ID : 0),
    restNum: String(result.restCount),
    startOffsetInfo: queues
      .map((queue) => startOffsetInfo(queue.topic, queue.queueId, queue.startOffset))
      .join(';'),
    msgOffsetInfo: queues
      .map((queue) => messageOffsetInfo(queue.topic, queue.queueId, queue.queueOffsets))
      .join(';'),
    ...(request.isOrdered && { orderCountInfo: queues.flatMap(orderCountsOf).join(';') }),
  }
}

/** How often messages were delivered before: each that was, and the least of the queue, which old clients look at. */
function orderCountsOf({
  consumedCounts,
  queueId,
  queueOffsets,
  topic,
}: PopResult['queues'][number]): string[] {
  const counts = [...(consumedCounts ?? [])]
  const isAll = counts.length === queueOffsets.length
  return [
    ...counts.map(([queueOffset, count]) => messageOrderCountInfo(topic, { queueId, queueOffset, count })),
    queueOrderCountInfo(topic, queueId, isAll ? Math.min(...counts.map(([, count]) => count)) : 0),
  ]
}
