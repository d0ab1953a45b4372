import type { MessageQueue } from '../protocol/message-queue.ts'
import { ResponseCode } from '../protocol/response-code.ts'

/** Where a message lies. */
export interface StoredMessage {
  /** The id that the client gave it (UNIQ_KEY): what consumers see. */
  readonly messageId: string
  /** The broker's id: where it is in the log. */
  readonly offsetMessageId: string
  readonly queue: MessageQueue
  readonly queueOffset: number
  /** Of a message with `delayMs` or `deliverAtMs`: what `recall` takes. From brokers that can do that. */
  readonly recallHandle?: string | undefined
}

/** The broker holds the message by the rule that it is set up with. */
export interface SendOk extends StoredMessage {
  readonly status: 'SEND_OK'
}

/**
 * The broker has the message, but the disk or a replica did not confirm in time: it is lost if the machine
 * dies now.
 */
export interface SendUnsure extends StoredMessage {
  readonly status: 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE'
}

/** What became of a message that a broker took. */
export type SendResult = SendOk | SendUnsure

/** What a broker says of a message that it has stored. */
export type SendStatus = SendResult['status']

/** What became of a batch: its messages lie in a row. */
export interface SendBatchResult {
  readonly status: SendStatus
  /** In the order of the messages. */
  readonly messageIds: readonly string[]
  readonly offsetMessageIds: readonly string[]
  readonly queue: MessageQueue
  /** Of the first message. */
  readonly queueOffset: number
}

/** What an answer to a send says; undefined when it is no success. */
export function sendStatusOf(responseCode: number): SendStatus | undefined {
  switch (responseCode) {
    case ResponseCode.SUCCESS:
      return 'SEND_OK'
    case ResponseCode.FLUSH_DISK_TIMEOUT:
      return 'FLUSH_DISK_TIMEOUT'
    case ResponseCode.FLUSH_SLAVE_TIMEOUT:
      return 'FLUSH_SLAVE_TIMEOUT'
    case ResponseCode.SLAVE_NOT_AVAILABLE:
      return 'SLAVE_NOT_AVAILABLE'
    default:
      return undefined
  }
}

/** Answers of one broker after which another one is asked (RocketMQ's producer, synchronous sends). */
export const retryOnOtherBroker: ReadonlySet<number> = new Set([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.NO_PERMISSION,
  ResponseCode.NO_BUYER_ID,
  ResponseCode.NOT_IN_CURRENT_UNIT,
  ResponseCode.GO_AWAY,
])
