import { int64At } from '../protocol/big-endian.ts'
import { type ConsumeMessageDirectlyResult, encodeConsumeResult } from '../protocol/consume-result.ts'
import { type ConsumerRunningInfo, encodeConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { decodeOffsetTable, encodeConsumerStatus } from '../protocol/offset-table.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import type { HandlerFamily, Reply, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
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
  /** An operator asks how it fares; `isVerbose`: and what its handlers are at. */
  runningInfo(isVerbose: boolean): ConsumerRunningInfo
  /** How far it has come in the queues of a topic. */
  commitOffsets(topic: string): ReadonlyMap<MessageQueue, number>
  /** An operator has it handle one message; undefined where it has no handler. */
  consumeDirectly(message: ReceivedMessage): Promise<ConsumeMessageDirectlyResult> | undefined
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
      const message = messageIn(request, asked.brokerName)
      const group = message?.properties.get(PropertyName.PGROUP) ?? ''
      // the broker does not wait for it
      if (message) void listeners.checker(group)?.checked(message, asked)
      return {}
    },
    [RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT]: (request) => {
      const offsets = listeners.groupListener(request.text('group'))?.commitOffsets(request.text('topic'))
      return { body: encodeConsumerStatus(offsets ?? new Map()) }
    },
    [RequestCode.GET_CONSUMER_RUNNING_INFO]: (request) => {
      const group = request.text('consumerGroup')
      const info = listeners.groupListener(group)?.runningInfo(request.boolean('jstackEnable'))
      return info ? { body: encodeConsumerRunningInfo(info) } : absent(group)
    },
    [RequestCode.CONSUME_MESSAGE_DIRECTLY]: async (request) => {
      const group = request.text('consumerGroup')
      const listener = listeners.groupListener(group)
      if (!listener) return absent(group)
      const message = messageIn(request, request.optionalText('brokerName') ?? '')
      if (!message) return { code: ResponseCode.SYSTEM_ERROR, remark: 'the request holds no message' }
      const result = await listener.consumeDirectly(message)
      if (!result) {
        const remark = `the consumer of group ${group} has no handler: it pulls by itself`
        return { code: ResponseCode.SYSTEM_ERROR, remark }
      }
      return { body: encodeConsumeResult(result) }
    },
    [RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT]: (request) => {
      listeners.replies.take(readReply(request))
      return {}
    },
  }
}

/** In the words of RocketMQ's client. */
function absent(group: string): Reply {
  const remark = `The Consumer Group <${group}> not exist in this consumer`
  return { code: ResponseCode.SYSTEM_ERROR, remark }
}

/** The message that a request is about: its record is the body, that of a half message with its real topic and queue. */
function messageIn({ body }: Request, brokerName: string): ReceivedMessage | undefined {
  const scan = new RecordScan()
  const offset = body.length >= 36 ? int64At(body, 28) : 0
  if (scan.read(body, 0, body.length, offset) !== 'message') return undefined
  return new ReceivedMessage(scan, { topic: scan.topic, brokerName, queueId: scan.queueId })
}
