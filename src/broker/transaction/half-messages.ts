import { MqError } from '../../base/errors.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendWaiter } from '../../store/pending-appends.ts'
import { IncomingMessage } from '../incoming-message.ts'
import type { MessageSender } from '../message-sender.ts'
import type { TopicTable } from '../topic-table.ts'
import { type HalfMessage, halfMessageOf } from './half-message.ts'

/** How a producer says that one of its transactions has ended (END_TRANSACTION). */
export interface EndRequest {
  readonly group: string
  /** Where the log has the half message. */
  readonly physicalOffset: number
  /** Its offset in the half queue. */
  readonly queueOffset: number
  readonly ending: 'COMMITTED' | 'ROLLED_BACK'
  /** Whether the broker has asked. */
  readonly isFromCheck: boolean
}

/** The half messages in the log: found for those who speak of them, and sent on when they are committed. */
export class HalfMessages {
  readonly #store: MessageStore
  readonly #sender: MessageSender
  readonly #topics: TopicTable
  readonly #record = new RecordScan()
  readonly #properties = new PropertyScan()
  readonly #message = new IncomingMessage()

  constructor(parts: { store: MessageStore; sender: MessageSender; topics: TopicTable }) {
    this.#store = parts.store
    this.#sender = parts.sender
    this.#topics = parts.topics
    this.#message.isCommitted = true
  }

  /** The record at this place of the log, good until the next call; undefined when none begins there. */
  recordAt(physicalOffset: number): RecordScan | undefined {
    const bytes = this.#store.recordAt(physicalOffset)
    if (!bytes) return undefined
    return this.#record.read(bytes, 0, bytes.length, physicalOffset) === 'message' ? this.#record : undefined
  }

  /** The half message at this place of the log. */
  at(physicalOffset: number): HalfMessage | undefined {
    const record = this.recordAt(physicalOffset)
    return record && halfMessageOf(record)
  }

  /**
   * The half message that a producer speaks of, checked in the order of RocketMQ's EndTransactionProcessor.
   * @throws MqError transactionRefused, tooLate
   */
  find(request: EndRequest, nowMs: number): HalfMessage {
    const half = this.at(request.physicalOffset)
    if (!half)
      throw new MqError(
        'transactionRefused',
        `no half message begins at offset ${request.physicalOffset} of the log`,
      )
    const { bornMs, group, immunityMs, queueOffset } = half
    if (!request.isFromCheck && immunityMs !== undefined && nowMs - bornMs > immunityMs)
      throw new MqError(
        'tooLate',
        `the producer had ${immunityMs} ms to end the transaction: it will be asked`,
      )
    if (group !== request.group)
      throw new MqError(
        'transactionRefused',
        `the half message is of producer group ${group}, not ${request.group}`,
      )
    if (queueOffset !== request.queueOffset)
      throw new MqError(
        'transactionRefused',
        `the half message is at offset ${queueOffset}, not ${request.queueOffset}`,
      )
    return half
  }

  /**
   * Sends a half message to the topic it is for, where a delay that it asks for begins.
   * @param token what the waiter is told with the outcome
   * @throws MqError transactionRefused, topicNotExist, and what `MessageSender.send` throws
   */
  commit(physicalOffset: number, waiter: AppendWaiter, token: number): void {
    const record = this.recordAt(physicalOffset)
    if (!record)
      throw new MqError('transactionRefused', `no half message begins at offset ${physicalOffset} of the log`)
    const { buffer, bornHostAt, propertiesAt, propertiesEnd, sysFlag } = record
    this.#properties.read(buffer, propertiesAt, propertiesEnd)
    const message = this.#message
    message.topic = this.#topics.require(this.#properties.optionalText(PropertyName.REAL_TOPIC) ?? '')
    message.queueId = Number(this.#properties.optionalText(PropertyName.REAL_QID) ?? 0)
    message.sysFlag = sysFlag | MessageSysFlag.TRANSACTION_COMMIT
    message.flag = record.flag
    message.bornTimestampMs = record.bornTimestampMs
    const bornHostBytes = (sysFlag & MessageSysFlag.BORN_HOST_V6) !== 0 ? 20 : 8
    message.bornHost = buffer.subarray(bornHostAt, bornHostAt + bornHostBytes)
    message.reconsumeTimes = record.reconsumeTimes
    message.preparedTransactionOffset = physicalOffset
    message.body = buffer
    message.bodyAt = record.bodyAt
    message.bodyEnd = record.bodyEnd
    const sender = this.#sender
    sender.properties.begin()
    sender.properties.add(buffer, propertiesAt, propertiesEnd)
    sender.prepare(message, true)
    sender.send(message, waiter, token)
  }
}
