import type { Clock } from '../base/host.ts'
import { type SubscriptionData, sqlSubscription, tagSubscription } from '../protocol/subscription-data.ts'
import { parseTagExpression, SUBSCRIBE_ALL } from '../protocol/tag-expression.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { ConsumerOffsets, QueueOffsets } from './consumer-offsets.ts'
import { isTagType } from './filter/filter-selection.ts'

/**
 * Notes what a pull or pop that brings its filter says of its group's subscription: consumers of this kind say nothing of it in heartbeats
 * (RocketMQ's ConsumerManager.compensateSubscribeData). The filter has been accepted before.
 */
export function learnSubscription(
  offsets: QueueOffsets,
  filter: { readonly expressionType: string; readonly expression: string | undefined },
  clock: Clock,
): void {
  const { expressionType } = filter
  const expression = filter.expression || SUBSCRIBE_ALL
  const known = offsets.learned
  if (known?.subString === expression && isTagType(known.expressionType) === isTagType(expressionType)) return
  const version = BigInt(clock.nowMs())
  offsets.learned = isTagType(expressionType)
    ? tagSubscription(offsets.topic, parseTagExpression(expression), version)
    : sqlSubscription(offsets.topic, expression, version)
}

/** What a group subscribes to in a topic: as its clients say, else as its pulls and pops have brought it. */
export function subscriptionOf(
  { clients, offsets }: { readonly clients: ClientRegistry; readonly offsets: ConsumerOffsets },
  group: string,
  topic: string,
): SubscriptionData | undefined {
  return clients.consumerGroup(group)?.subscription(topic) ?? offsets.find(group, topic)?.learned
}
