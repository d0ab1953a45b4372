import { MqError } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { QueueName } from '../../broker/offset-queries.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'

/** Offsets that consumers ask for and commit with nearly every pull (protocol/requests.md §5). */
export function consumerOffsetHandlers(broker: Broker): Readonly<Record<number, FastHandler>> {
  return {
    [RequestCode.QUERY_CONSUMER_OFFSET]: (connection, header) => {
      const group = header.requiredText('consumerGroup')
      const isZeroAllowed = header.optionalBoolean('setZeroIfNotFound') ?? true
      answerOffset(
        connection,
        header,
        broker.queries.consumerOffset(group, scannedQueue(header), isZeroAllowed),
      )
    },
    [RequestCode.UPDATE_CONSUMER_OFFSET]: (connection, header) => {
      const group = header.requiredText('consumerGroup')
      const queue = scannedQueue(header)
      const offset = header.requiredInteger('commitOffset')
      if (!broker.fence.allows(group, queue, connection.id, offset)) {
        throw new MqError(
          'noPermission',
          `queue ${queue.queueId} of topic ${queue.topic} is, or was until now, held by another client of group ${group}`,
        )
      }
      broker.queries.commit(group, queue, offset)
      if (!header.isOneway) connection.reply(header.opaque, { code: ResponseCode.SUCCESS })
    },
  }
}

/** Where queues begin and end, also by time. */
export function queueOffsetHandlers(broker: Broker): HandlerFamily {
  return {
    [RequestCode.GET_MAX_OFFSET]: (request) => offsetReply(broker.queries.max(queueOf(request))),
    [RequestCode.GET_MIN_OFFSET]: (request) => offsetReply(broker.queries.min(queueOf(request))),
    [RequestCode.GET_EARLIEST_MSG_STORETIME]: (request) => ({
      extFields: { timestamp: String(broker.queries.earliestStoredMs(queueOf(request))) },
    }),
    [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP]: (request) =>
      offsetReply(broker.queries.byTime(queueOf(request), request.integer('timestamp'), boundaryOf(request))),
  }
}

function offsetReply(offset: number): { extFields: { offset: string } } {
  return { extFields: { offset: String(offset) } }
}

function answerOffset(connection: RemotingConnection, header: HeaderScan, offset: number): void {
  if (!header.isOneway) connection.reply(header.opaque, offsetReply(offset))
}

function scannedQueue(header: HeaderScan): QueueName {
  return { topic: header.requiredText('topic'), queueId: header.requiredInteger('queueId') }
}

function queueOf(request: Request): QueueName {
  return { topic: request.text('topic'), queueId: request.integer('queueId') }
}

/** @throws MqError invalidParameter when the field is neither of the two words */
function boundaryOf(request: Request): 'LOWER' | 'UPPER' {
  const boundary = (request.optionalText('boundaryType') ?? 'LOWER').toUpperCase()
  if (boundary === 'LOWER' || boundary === 'UPPER') return boundary
  throw new MqError('invalidParameter', `boundaryType wants LOWER or UPPER, not "${boundary.slice(0, 20)}"`)
}
