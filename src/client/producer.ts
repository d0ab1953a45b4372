import type { MessageQueue } from '../protocol/message-queue.ts'
import { checkGroup } from '../protocol/names.ts'
import { clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { Message } from './message.ts'
import { MessagePreparer, PREPARE_DEFAULTS } from './prepared-message.ts'
import { type QueueChoice, selectorOf } from './queue-choice.ts'
import type { SendOrder } from './send-operation.ts'
import type { SendBatchResult, SendResult } from './send-result.ts'
import { Sender } from './sender.ts'

export interface ProducerOptions {
  /** Producers that send the same for the same reason; `ternmq-producer` unless given. */
  readonly group?: string
  /** For a send with all its attempts; 3000 unless given. */
  readonly timeoutMs?: number
  /** How often a send that failed at one broker is tried at another; 2 unless given. */
  readonly retries?: number
  /** Sends under way, above which further ones wait for their turn; 1024 unless given. */
  readonly inFlightMax?: number
  /** Bytes of sends under way, above which further ones wait; 8 MiB unless given. */
  readonly inFlightBytesMax?: number
  /** Bodies of so many bytes and more are compressed (zlib); 4096 unless given. */
  readonly compressBytesMin?: number
  /** Largest body; 4 MiB unless given, as at RocketMQ's brokers. */
  readonly bodyBytesMax?: number
  /** Whether brokers that were slow or gone are passed over for some time; true unless given. */
  readonly avoidsSlowBrokers?: boolean
}

export interface SendOptions extends QueueChoice {
  /** For this send; the producer's unless given. */
  readonly timeoutMs?: number
  /** Ends the waiting. The message may have been stored all the same. */
  readonly signal?: AbortSignal
}

const DEFAULTS = {
  group: 'ternmq-producer',
  timeoutMs: 3000,
  retries: 2,
  inFlightMax: 1024,
  inFlightBytesMax: 8 * 1024 * 1024,
  avoidsSlowBrokers: true,
  ...PREPARE_DEFAULTS,
} as const satisfies Required<ProducerOptions>

/** Sends messages. Many sends may be under way at once; they share one connection to each broker. */
export class Producer {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #timeoutMs: number
  readonly #preparer: MessagePreparer
  readonly #sender: Sender

  /** @throws ClientError invalidParameter for a group that is no name */
  constructor(instance: ClientInstance, options: ProducerOptions = {}) {
    const all = { ...DEFAULTS, ...options }
    try {
      checkGroup(all.group)
    } catch (error) {
      throw clientErrorOf(error)
    }
    this.group = all.group
    this.#instance = instance
    this.#timeoutMs = all.timeoutMs
    this.#preparer = new MessagePreparer(instance.host.clock, instance.uniqueKeys, all)
    this.#sender = new Sender(instance, {
      group: all.group,
      retries: all.retries,
      isAvoidingSlow: all.avoidsSlowBrokers,
      countMax: all.inFlightMax,
      bytesMax: all.inFlightBytesMax,
    })
    instance.heartbeats.addProducerGroup(all.group)
  }

  /**
   * Sends a message. Done when a broker has it by the rule that the broker is set up with.
   * @throws ClientError topicNotExist, timeout, connectionLost, busy and what else brokers refuse with; the
   *   signal's reason. After timeout and connectionLost the message may have been stored all the same.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    try {
      return this.#sender.send(this.#preparer.one(message), this.#orderOf(options, message))
    } catch (error) {
      return Promise.reject(clientErrorOf(error))
    }
  }

  /**
   * Sends a message without asking what becomes of it: done when it is on its way out.
   * @throws ClientError topicNotExist, connectionLost
   */
  sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    try {
      return this.#sender.sendOneway(this.#preparer.one(message), this.#orderOf(options, message))
    } catch (error) {
      return Promise.reject(clientErrorOf(error))
    }
  }

  /**
   * Sends messages of one topic that are stored together, in a row, or not at all; together at most
   * `bodyBytesMax`.
   * @throws as `send`
   */
  async sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendBatchResult> {
    const batch = this.#preparer.batch(messages)
    const [first] = messages
    const result = await this.#sender.send(batch, this.#orderOf(options, first as Message))
    const { status, offsetMessageId, queue, queueOffset } = result
    return {
      status,
      messageIds: batch.ids,
      offsetMessageIds: offsetMessageId.split(','),
      queue,
      queueOffset,
    }
  }

  /**
   * The queues of a topic that take messages, by broker and id.
   * @throws ClientError topicNotExist, connectionLost
   */
  async queues(topic: string): Promise<readonly MessageQueue[]> {
    return (await this.#instance.routes.loadForSend(topic)).writeQueues
  }

  /** Sends under way or waiting for their turn. */
  get pendingCount(): number {
    return this.#sender.pendingCount
  }

  /** Takes no more messages and waits for those under way. */
  async close(): Promise<void> {
    await this.#sender.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #orderOf(options: SendOptions, message: Message): SendOrder {
    const select = selectorOf(options)
    return {
      selector: select && ((queues) => select(queues, message)),
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      signal: options.signal,
    }
  }
}
