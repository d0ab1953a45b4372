import { offsetMessageIdText } from '../../protocol/message-id.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import {
  dlqTopicOf,
  isRetryTopic,
  poppedTopicOf,
  popRetryTopicOf,
  popRetryTopicV2Of,
} from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import type { CopyChanges } from '../message-copier.ts'
import type { CheckPoint } from './check-point.ts'

/** How a message that was not acknowledged in time goes on. */
export interface RedeliveryCopy {
  /** The group's retry topic for the topic, or its dead letters. */
  readonly topic: string
  readonly changes: Omit<CopyChanges, 'topic'>
}

const properties = new PropertyScan()

/**
 * What a copy of a popped message is like: RocketMQ's PopReviveService, and its rule of retries for what comes after the last
 * (protocol/semantics.md §5; RocketMQ leaves that to its clients and its proxy).
 * @param record as it was popped
 * @param retryMaxTimes deliveries behind the first; then the message is a dead letter
 */
export function redeliveryCopyOf(
  record: RecordScan,
  point: Pick<CheckPoint, 'group' | 'topic' | 'popTimeMs'>,
  rules: {
    readonly retryMaxTimes: number
    readonly isRetryTopicV2: boolean
    readonly storeHost: { readonly ip: string; readonly port: number }
  },
): RedeliveryCopy {
  const { group, popTimeMs, topic } = point
  const isDead = record.reconsumeTimes >= rules.retryMaxTimes
  const origin = poppedTopicOf(group, topic)
  properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
  const set = new Map<string, string>()
  const isFirst = record.reconsumeTimes === 0 || properties.find(PropertyName.FIRST_POP_TIME) < 0
  if (isFirst) set.set(PropertyName.FIRST_POP_TIME, String(popTimeMs))
  if (isDead) {
    const id = offsetMessageIdText({ host: rules.storeHost, offset: record.physicalOffset })
    set.set(PropertyName.DLQ_ORIGIN_TOPIC, origin)
    set.set(PropertyName.DLQ_ORIGIN_MESSAGE_ID, properties.optionalText(PropertyName.UNIQ_KEY) ?? id)
    setIfAbsent(set, PropertyName.RETRY_TOPIC, origin)
    setIfAbsent(set, PropertyName.ORIGIN_MESSAGE_ID, id)
  }
  return {
    topic: isDead ? dlqTopicOf(group) : retryTopicFor(point, rules.isRetryTopicV2),
    changes: {
      queueId: 0,
      set,
      reconsumeTimes: record.reconsumeTimes + 1,
      // a start finds by this what was copied though the revive log does not say so
      preparedTransactionOffset: record.physicalOffset + 1,
      transaction: 0,
    },
  }
}

/** Retry topics of a group for a topic, the one that is written first. */
export function popRetryTopicsOf(
  group: string,
  topic: string,
  settings: { readonly enableRetryTopicV2: boolean; readonly retrieveMessageFromPopRetryTopicV1: boolean },
): string[] {
  if (!settings.enableRetryTopicV2) return [popRetryTopicOf(group, topic)]
  const v2 = popRetryTopicV2Of(group, topic)
  return settings.retrieveMessageFromPopRetryTopicV1 ? [v2, popRetryTopicOf(group, topic)] : [v2]
}

function retryTopicFor({ group, topic }: Pick<CheckPoint, 'group' | 'topic'>, isV2: boolean): string {
  if (isRetryTopic(topic)) return topic
  return isV2 ? popRetryTopicV2Of(group, topic) : popRetryTopicOf(group, topic)
}

function setIfAbsent(set: Map<string, string>, name: string, value: string): void {
  if (properties.find(name) < 0) set.set(name, value)
}
