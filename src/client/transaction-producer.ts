import { messageOf } from '../base/errors.ts'
import { parseOffsetMessageId } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { abortable } from './abortable.ts'
import type { EndTransaction } from './broker-requests.ts'
import { ClientError } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { Message } from './message.ts'
import { pair } from './prepared-message.ts'
import { Producer, type ProducerOptions, type SendOptions } from './producer.ts'
import type { CheckRequest, TransactionChecker } from './push-handlers.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { SendResult } from './send-result.ts'

/**
 * What became of a program's own transaction. `unknown`: the broker asks again, every 30 s and 15 times unless
 * set up otherwise.
 */
export type TransactionOutcome = 'commit' | 'rollback' | 'unknown'

/** A transaction as the program's own part of it sees it. */
export interface Transaction {
  /** The message's id: what a program may keep beside its own data to answer `check` by. */
  readonly transactionId: string
  readonly message: Message
  /** The broker has the message; nobody is given it yet. */
  readonly stored: SendResult
}

/** The program's own transaction, done while the message waits. */
export type TransactionExecution = (
  transaction: Transaction,
) => TransactionOutcome | Promise<TransactionOutcome>

/** Says what became of the transaction that a message belongs to. What it throws counts as `unknown`. */
export type TransactionCheck = (message: ReceivedMessage) => TransactionOutcome | Promise<TransactionOutcome>

/** How a producer of transactions sends, and who answers brokers that ask what became of one. */
export interface TransactionProducerOptions extends ProducerOptions {
  /** All its clients must be able to answer for each other's transactions. */
  readonly group: string
  readonly check: TransactionCheck
}

/** How one transaction is sent. */
export interface TransactionOptions extends SendOptions {
  /** How long the broker waits before it asks for the first time; as it is set up unless given (6 s). */
  readonly checkAfterMs?: number
}

/** What became of a message that was sent in a transaction. */
export type TransactionResult = SendResult & {
  readonly transactionId: string
  readonly outcome: TransactionOutcome
  /** What the program's transaction has thrown; the outcome is unknown then. */
  readonly error?: unknown
}

const outcomeFlags: Readonly<Record<TransactionOutcome, number>> = {
  commit: MessageSysFlag.TRANSACTION_COMMIT,
  rollback: MessageSysFlag.TRANSACTION_ROLLBACK,
  unknown: 0,
}

/**
 * Sends messages that are delivered if and only if the program's own transaction is committed: the broker takes
 * the message, the program does its part, the broker hears of the outcome, and asks where it does not.
 */
export class TransactionProducer implements TransactionChecker {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #producer: Producer
  readonly #check: TransactionCheck

  /**
   * @param onClosed hears when it has been closed
   * @throws ClientError invalidParameter for a group that is no name, or that this client has already
   */
  constructor(
    instance: ClientInstance,
    options: TransactionProducerOptions,
    onClosed: () => void = () => undefined,
  ) {
    const { check, group } = options
    this.#instance = instance
    this.#check = check
    this.group = group
    instance.addChecker(group, this)
    try {
      this.#producer = new Producer(instance, options, onClosed)
    } catch (error) {
      instance.removeChecker(group)
      throw error
    }
  }

  /**
   * Sends a message in a transaction.
   * @param execute the program's own part; what it throws counts as `unknown`
   * @throws as `Producer.send`: the message was not taken, and nothing was executed
   */
  async send(
    message: Message,
    execute: TransactionExecution,
    options: TransactionOptions = {},
  ): Promise<TransactionResult> {
    const { checkAfterMs, ...sendOptions } = options
    await abortable(this.#instance.introduce(message.topic), options.signal)
    const extra = {
      properties: halfProperties(this.group, checkAfterMs),
      sysFlag: MessageSysFlag.TRANSACTION_PREPARED,
    }
    const stored = await this.#producer.sendWith(message, sendOptions, { kind: 'half', extra })
    const transactionId = stored.messageId
    const result = await this.#execute({ transactionId, message, stored }, execute)
    const { offset } = parseOffsetMessageId(stored.offsetMessageId)
    await this.#end(stored.queue.brokerName, undefined, {
      ...{ producerGroup: this.group, topic: message.topic, messageId: transactionId },
      ...{ commitLogOffset: offset, halfQueueOffset: stored.queueOffset },
      ...{ outcomeFlag: outcomeFlags[result.outcome], isCheck: false },
    })
    return { ...stored, transactionId, ...result }
  }

  /** The broker asks what became of a transaction. */
  async checked(message: ReceivedMessage, asked: CheckRequest): Promise<void> {
    let outcome: TransactionOutcome = 'unknown'
    try {
      outcome = await this.#check(message)
    } catch (error) {
      const fields = { group: this.group, messageId: message.messageId, error: messageOf(error) }
      this.#instance.host.log.warn(fields, 'the check of a transaction has failed; it is asked for again')
    }
    await this.#end(asked.brokerName, asked.address, {
      ...{ producerGroup: this.group, topic: message.topic, messageId: message.messageId },
      ...{ commitLogOffset: asked.commitLogOffset, halfQueueOffset: asked.halfQueueOffset },
      ...{ outcomeFlag: outcomeFlags[outcome], isCheck: true },
    })
  }

  /** Takes no more messages and waits for those under way. Checks go to the group's other clients then. */
  async close(): Promise<void> {
    await this.#producer.close()
    this.#instance.removeChecker(this.group)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** A message that is stored unsurely is not committed to, as in RocketMQ's client. */
  async #execute(
    transaction: Transaction,
    execute: TransactionExecution,
  ): Promise<{ outcome: TransactionOutcome; error?: unknown }> {
    if (transaction.stored.status !== 'SEND_OK') return { outcome: 'rollback' }
    try {
      return { outcome: await execute(transaction) }
    } catch (error) {
      return { outcome: 'unknown', error }
    }
  }

  /** A broker that does not hear of it asks. */
  async #end(brokerName: string, address: string | undefined, end: EndTransaction): Promise<void> {
    const { routes, brokers, host } = this.#instance
    const master = routes.masterOf(brokerName) ?? address
    try {
      if (master === undefined) {
        throw new ClientError('connectionLost', `no address of broker ${brokerName} is known`)
      }
      await brokers.endTransaction(master, end)
    } catch (error) {
      const fields = { group: this.group, messageId: end.messageId, error: messageOf(error) }
      host.log.warn(fields, 'the end of a transaction was not heard; the broker asks for it')
    }
  }
}

function halfProperties(group: string, checkAfterMs: number | undefined): string {
  const text = pair(PropertyName.TRAN_MSG, 'true') + pair(PropertyName.PGROUP, group)
  if (checkAfterMs === undefined) return text
  const seconds = String(Math.ceil(checkAfterMs / 1000))
  return text + pair(PropertyName.CHECK_IMMUNITY_TIME_IN_SECONDS, seconds)
}
