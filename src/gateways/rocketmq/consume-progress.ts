import { MqError } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import { ConsumeProgress } from '../../broker/consume-progress.ts'
import { OffsetReset, type ResetRequest } from '../../broker/offset-reset.ts'
import { encodeBrokerConsumeStats, encodeConsumeStats } from '../../protocol/consume-stats.ts'
import { encodeConsumeTimeSpans } from '../../protocol/consume-time-span.ts'
import { consumerOffsetsJson, delayOffsetsJson } from '../../protocol/consumer-offsets.ts'
import { fastJsonBytes } from '../../protocol/fastjson-writer.ts'
import { Language } from '../../protocol/language.ts'
import { encodeOffsetChanges, encodePreview } from '../../protocol/offset-moves.ts'
import {
  encodeCorrectionOffsets,
  encodeOffsetListForCpp,
  encodeOffsetTable,
  type OffsetTable,
} from '../../protocol/offset-table.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ClientCalls } from './connections.ts'

/** How far groups are, and how they are moved (protocol/requests.md §7). */
export function consumeProgressHandlers(broker: Broker, calls: ClientCalls): HandlerFamily {
  const progress = new ConsumeProgress(broker)
  return {
    ...resetHandlers(broker, calls),
    [RequestCode.GET_CONSUME_STATS]: async (request) => {
      const topics = listOf(request.optionalText('topicList'), ';')
      const topic = request.optionalText('topic') || undefined
      return {
        body: encodeConsumeStats(await progress.ofGroup(request.text('consumerGroup'), topics, topic)),
      }
    },
    [RequestCode.GET_BROKER_CONSUME_STATS]: async (request) => ({
      body: encodeBrokerConsumeStats(await progress.ofBroker(request.boolean('isOrder'))),
    }),
    [RequestCode.QUERY_CONSUME_TIME_SPAN]: async (request) => ({
      body: encodeConsumeTimeSpans(await progress.timeSpans(request.text('group'), request.text('topic'))),
    }),
    [RequestCode.QUERY_CORRECTION_OFFSET]: (request) => {
      const passedOver = new Set(listOf(request.optionalText('filterGroups'), ','))
      const offsets = progress.corrections(request.text('topic'), request.text('compareGroup'), passedOver)
      return { body: encodeCorrectionOffsets(offsets) }
    },
    [RequestCode.CLONE_GROUP_OFFSET]: (request) => {
      const topic = request.optionalText('topic') || undefined
      progress.clone(request.text('srcGroup'), request.text('destGroup'), topic, request.boolean('offline'))
      return {}
    },
    [RequestCode.GET_ALL_CONSUMER_OFFSET]: () => ({
      body: fastJsonBytes(consumerOffsetsJson(broker.offsets.body)),
    }),
    [RequestCode.GET_ALL_DELAY_OFFSET]: () => ({ body: fastJsonBytes(delayOffsetsJson(broker.delays.body)) }),
  }
}

function resetHandlers(broker: Broker, calls: ClientCalls): HandlerFamily {
  const reset = new OffsetReset(broker)
  return {
    [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET]: (request) => {
      const wanted = resetOf(request)
      // tools ask every broker that has the topic, also those that the group has not come to yet
      broker.topics.require(wanted.topic)
      broker.groups.forUse(wanted.group)
      const table = reset.plan(wanted)
      if (broker.settings.useServerSideResetOffset ?? true) reset.apply(wanted, table)
      else {
        pushReset(broker, calls, wanted, table)
        reset.note(wanted, table)
      }
      return { body: encodeOffsetTable(table) }
    },
    [RequestCode.TERN_PREVIEW_OFFSET_RESET]: (request) => ({
      body: encodePreview(reset.preview(resetOf(request))),
    }),
    [RequestCode.TERN_LIST_OFFSET_CHANGES]: (request) => {
      const [group, topic] = [request.optionalText('group'), request.optionalText('topic')]
      const changes = broker.offsetChanges
        .list()
        .filter((each) => (group ?? each.group) === each.group && (topic ?? each.topic) === each.topic)
      return { body: encodeOffsetChanges(changes) }
    },
    [RequestCode.TERN_UNDO_OFFSET_CHANGE]: (request) => ({
      body: encodeOffsetChanges([reset.undo(request.integer('id'))]),
    }),
  }
}

/**
 * Lets the clients of the group move themselves (RESET_CONSUMER_CLIENT_OFFSET). @throws MqError
 * consumerNotOnline
 */
function pushReset({ clients }: Broker, calls: ClientCalls, wanted: ResetRequest, table: OffsetTable): void {
  const { group, timestampMs, topic } = wanted
  const members = clients.consumerGroup(group)?.clients ?? []
  if (members.length === 0) {
    throw new MqError(
      'consumerNotOnline',
      `no consumer of group ${group} is online: its offsets in topic ${topic} stay`,
    )
  }
  const code = RequestCode.RESET_CONSUMER_CLIENT_OFFSET
  const extFields = { topic, group, timestamp: String(timestampMs), isForce: 'false', queueId: '-1' }
  for (const { connectionId, language } of members) {
    const body = language === Language.CPP ? encodeOffsetListForCpp(table) : encodeOffsetTable(table)
    calls.sendOneway(connectionId, { code, extFields, body })
  }
}

function resetOf(request: Request): ResetRequest {
  const offset = request.optionalInteger('offset', -1)
  return {
    group: request.text('group'),
    topic: request.text('topic'),
    timestampMs: request.integer('timestamp'),
    isForced: request.boolean('isForce'),
    queueId: request.optionalInteger('queueId', -1),
    offset: offset < 0 ? undefined : offset,
  }
}

/** The parts of a list in one field; none when it is absent or empty. */
function listOf(text: string | undefined, separator: string): string[] {
  return (text ?? '').split(separator).filter((part) => part !== '')
}
