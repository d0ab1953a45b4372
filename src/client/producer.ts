import type { BodyCompression } from '../protocol/message-body.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { checkGroup } from '../protocol/names.ts'
import { type AbortOptions, abortable } from './abortable.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { type SendInfo, withProperties } from './instrumentation.ts'
import { Linger, type LingerOptions } from './linger.ts'
import type { Message } from './message.ts'
import { type MessageExtra, MessagePreparer, PREPARE_DEFAULTS } from './prepared-message.ts'
import { type QueueChoice, selectorOf } from './queue-choice.ts'
import type { ReceivedMessage } from './received-message.ts'
import { type ReplyMessage, replyQueue, replyTo } from './reply.ts'
import type { SendOrder } from './send-operation.ts'
import type { SendBatchResult, SendResult } from './send-result.ts'
import { Sender } from './sender.ts'

/** How a producer sends: with how many attempts, how much at once, in which form. */
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
  /** Bodies of so many bytes and more are compressed; 4096 unless given. */
  readonly compressBytesMin?: number
  /**
   * How: `zlib` unless given, which every client reads. `lz4` wants the package lz4-napi, `zstd` Node.js 22.15;
   * their readers must be RocketMQ 5 clients.
   */
  readonly compression?: BodyCompression
  /** Largest body; 4 MiB unless given, as at RocketMQ's brokers. */
  readonly bodyBytesMax?: number
  /** Puts single sends together to batches; each goes by itself unless given. */
  readonly linger?: LingerOptions
  /** Whether brokers that were slow or gone are passed over for some time; true unless given. */
  readonly avoidsSlowBrokers?: boolean
}

/** How one message is sent: to which queue, within which time. */
export interface SendOptions extends QueueChoice, AbortOptions {
  /** For this send; the producer's unless given. */
  readonly timeoutMs?: number
}

const DEFAULTS = {
  group: 'ternmq-producer',
  timeoutMs: 3000,
  retries: 2,
  inFlightMax: 1024,
  inFlightBytesMax: 8 * 1024 * 1024,
  avoidsSlowBrokers: true,
  ...PREPARE_DEFAULTS,
} as const satisfies Required<Omit<ProducerOptions, 'linger'>>

/** Sends messages. Many sends may be under way at once; they share one connection to each broker. */
export class Producer {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #timeoutMs: number
  readonly #preparer: MessagePreparer
  readonly #sender: Sender
  readonly #linger: Linger | undefined
  readonly #onClosed: () => void
  #closing: Promise<void> | undefined

  /**
   * @param onClosed hears when it has been closed
   * @throws ClientError invalidParameter for a group that is no name, notSupported for a compression that is not here
   */
  constructor(
    instance: ClientInstance,
    options: ProducerOptions = {},
    onClosed: () => void = () => undefined,
  ) {
    const all = { ...DEFAULTS, ...options }
    try {
      checkGroup(all.group)
    } catch (error) {
      throw clientErrorOf(error)
    }
    this.group = all.group
    this.#onClosed = onClosed
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
    const { clock } = instance.host
    const parts = {
      ...{ clock, routes: instance.routes, preparer: this.#preparer, sender: this.#sender },
      aloneBytesMin: all.compressBytesMin,
    }
    this.#linger = options.linger && new Linger(parts, options.linger)
    instance.heartbeats.addProducerGroup(all.group)
  }

  /**
   * Sends a message. Done when a broker has it by the rule that the broker is set up with.
   * @throws ClientError topicNotExist, timeout, connectionLost, busy and what else brokers refuse with; the
   *   signal's reason. After timeout and connectionLost the message may have been stored all the same.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    if (this.#instance.instruments.watchesSends) return this.#watched(message, options, 'message')
    return this.#send(message, options, undefined)
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
    const { instruments } = this.#instance
    if (!instruments.watchesSends) return this.#sendBatch(messages, options)
    const isOrdered = selectorOf(options) !== undefined
    return instruments.send(
      { messages, group: this.group, kind: 'batch', isOrdered },
      (properties) =>
        this.#sendBatch(
          messages.map((message) => withProperties(message, properties)),
          options,
        ),
      firstOf,
    )
  }

  /**
   * Sends a message and waits for the reply that its consumer sends.
   * @param options `timeoutMs` counts for both
   * @throws as `send`; timeout when no reply has come, closed when the client is closed before
   */
  async request(message: Message, options: SendOptions = {}): Promise<ReceivedMessage> {
    const { timeoutMs = this.#timeoutMs, signal } = options
    signal?.throwIfAborted()
    await abortable(this.#instance.introduce(message.topic), signal)
    const expected = this.#instance.replies.expect(timeoutMs, signal)
    try {
      const extra = { properties: expected.properties }
      await this.sendWith(message, options, { kind: 'request', extra })
    } catch (error) {
      expected.forget()
      throw error
    }
    return expected.reply
  }

  /**
   * Answers a message that was sent by `request`.
   * @throws as `send`; invalidParameter when the message asks for no reply, refused when its sender is gone
   */
  async reply(
    request: ReceivedMessage,
    reply: ReplyMessage,
    options: AbortOptions = {},
  ): Promise<SendResult> {
    const { topic, extra } = replyTo(request)
    const select = (queues: readonly MessageQueue[]): MessageQueue => replyQueue(queues, request)
    return this.sendWith({ ...reply, topic }, { select, ...options }, { kind: 'reply', extra })
  }

  /**
   * Calls a message back that was sent with `delayMs` or `deliverAtMs` and is not delivered yet. Brokers do so where
   * `recallMessageEnable` is set.
   * @param recallHandle of the result of its send
   * @returns the message's id
   * @throws ClientError noPermission where brokers do not, invalidParameter for what is no handle, refused when it is too late
   */
  async recall(topic: string, recallHandle: string, { signal }: AbortOptions = {}): Promise<string> {
    const { routes, brokers } = this.#instance
    await abortable(routes.load(topic), signal)
    const [, , brokerName = ''] = Buffer.from(recallHandle, 'base64url').toString().split(' ')
    const address = routes.masterOf(brokerName)
    if (address === undefined) {
      throw new ClientError('invalidParameter', `"${recallHandle}" does not name a broker of topic ${topic}`)
    }
    return abortable(brokers.recall(address, { producerGroup: this.group, topic, recallHandle }), signal)
  }

  /** Sends a message that is more than its program says. Called by the client's own kinds of producers. */
  sendWith(
    message: Message,
    options: SendOptions,
    { kind, extra }: { kind: SendInfo['kind']; extra: MessageExtra },
  ): Promise<SendResult> {
    if (this.#instance.instruments.watchesSends) return this.#watched(message, options, kind, extra)
    return this.#send(message, options, extra)
  }

  /**
   * The queues of a topic that take messages, by broker and id.
   * @throws ClientError topicNotExist, connectionLost
   */
  async queues(topic: string, { signal }: AbortOptions = {}): Promise<readonly MessageQueue[]> {
    return (await abortable(this.#instance.routes.loadForSend(topic), signal)).writeQueues
  }

  /** Sends under way or waiting for their turn. */
  get pendingCount(): number {
    return this.#sender.pendingCount + (this.#linger?.count ?? 0)
  }

  /** Takes no more messages and waits for those under way. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await this.#linger?.close()
    await this.#sender.close()
    await this.#instance.leaveProducers(this.group)
    this.#onClosed()
  }

  async #sendBatch(messages: readonly Message[], options: SendOptions): Promise<SendBatchResult> {
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

  #send(message: Message, options: SendOptions, extra: MessageExtra | undefined): Promise<SendResult> {
    try {
      const order = this.#orderOf(options, message)
      if (extra) return this.#sender.send(this.#preparer.one(message, extra), order)
      if (this.#linger) return this.#linger.send(message, order)
      return this.#sender.send(this.#preparer.one(message), order)
    } catch (error) {
      return Promise.reject(clientErrorOf(error))
    }
  }

  #watched(
    message: Message,
    options: SendOptions,
    kind: SendInfo['kind'],
    extra?: MessageExtra,
  ): Promise<SendResult> {
    return this.#instance.instruments.send(
      { messages: [message], group: this.group, kind, isOrdered: selectorOf(options) !== undefined },
      (properties) => this.#send(withProperties(message, properties), options, extra),
      (result) => result,
    )
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

/** The first message of a batch, as if it had been sent by itself. */
function firstOf({ status, messageIds, offsetMessageIds, queue, queueOffset }: SendBatchResult): SendResult {
  const [messageId = ''] = messageIds
  const [offsetMessageId = ''] = offsetMessageIds
  return { status, messageId, offsetMessageId, queue, queueOffset }
}
