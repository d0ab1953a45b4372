import { int64At } from '../protocol/big-endian.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { decodeOffsetTable } from '../protocol/offset-table.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import type { HandlerFamily, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ReceivedMessage } from './received-message.ts'
import { readReply } from './reply.ts'
import type { ReplyDesk } from './reply-desk.ts'

/** A consumer as brokers reach it. */
export interface GroupListener {
  /** A topic has other queues or brokers. */
  routeChanged(topic: string): void
  /** Clients have joined or left the group: the queues are to be shared out anew. */
  membersChanged(): void
  /** An operator has moved the group: it goes on at these offsets. */
  offsetsReset(topic: string, offsets: ReadonlyMap<MessageQueue, number>): void
}

/** Where a transaction that a broker asks about stands. */
export interface CheckRequest {
  readonly brokerName: string
  /** The broker's own end of the connection. */
  readonly address: string
  readonly commitLogOffset: number
  readonly halfQueueOffset: number
}

/** A producer of transactions as brokers reach it. */
export interface TransactionChecker {
  /** The broker asks what became of a transaction; the answer is a request of its own. */
  checked(message: ReceivedMessage, asked: CheckRequest): Promise<void>
}

/** Who of a client hears what brokers say. */
export interface PushListeners {
  readonly replies: ReplyDesk
  groupListener(group: string): GroupListener | undefined
  checker(group: string): TransactionChecker | undefined
}

/** What brokers ask of a client over its own connections (protocol/requests.md §4). */
export function pushHandlers(listeners: PushListeners): HandlerFamily {
  return {
    [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED]: (request) => {
      listeners.groupListener(request.text('consumerGroup'))?.membersChanged()
      return {}
    },
    [RequestCode.RESET_CONSUMER_CLIENT_OFFSET]: (request) => {
      const offsets = decodeOffsetTable(request.body)
      listeners.groupListener(request.text('group'))?.offsetsReset(request.text('topic'), offsets)
      return {}
    },
    [RequestCode.CHECK_TRANSACTION_STATE]: (request) => {
      const asked = {
        brokerName: request.optionalText('bname') ?? '',
        address: request.peer.address,
        commitLogOffset: request.integer('commitLogOffset'),
        halfQueueOffset: request.integer('tranStateTableOffset'),
      }
      const message = halfMessageIn(request, asked.brokerName)
      const group = message?.properties.get(PropertyName.PGROUP) ?? ''
      // the broker does not wait for it
      if (message) void listeners.checker(group)?.checked(message, asked)
      return {}
    },
    [RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT]: (request) => {
      listeners.replies.take(readReply(request))
      return {}
    },
  }
}

/** The message that a check is about: its record is the body, with its real topic and queue. */
function halfMessageIn({ body }: Request, brokerName: string): ReceivedMessage | undefined {
  const scan = new RecordScan()
  const offset = body.length >= 36 ? int64At(body, 28) : 0
  if (scan.read(body, 0, body.length, offset) !== 'message') return undefined
  return new ReceivedMessage(scan, { topic: scan.topic, brokerName, queueId: scan.queueId })
}
