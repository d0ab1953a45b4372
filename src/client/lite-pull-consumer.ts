import { type AllocateStrategy, allocateAveragely } from '../protocol/allocate-queues.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { checkGroup } from '../protocol/names.ts'
import { type AbortOptions, abortable } from './abortable.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { CONSUMER_DEFAULTS } from './consumer-options.ts'
import { Consumption } from './consumption.ts'
import { ConcurrentDeliveries } from './deliveries.ts'
import { GroupMember } from './group-member.ts'
import { MessageTap, type PullOptions } from './message-tap.ts'
import { RemoteOffsetStore } from './offset-store.ts'
import type { ReceivedMessage } from './received-message.ts'
import { SendBackDesk } from './send-back.ts'
import { Settler } from './settler.ts'
import {
  type Filter,
  type StartFrom,
  type Subscription,
  startPointOf,
  subscriptionTo,
} from './subscription.ts'

/** How a lite pull consumer begins, commits and shares queues out. */
export interface LitePullOptions {
  readonly group: string
  /** Where the group begins in a queue of which it has committed nothing; `latest` unless given. */
  readonly from?: StartFrom
  /** Whether offsets are kept every 5 s and at the end; else only by `commit`. True unless given. */
  readonly autoCommit?: boolean
  /** How queues of topics are shared out; in contiguous blocks unless given. */
  readonly strategy?: AllocateStrategy
  readonly pullBatchMax?: number
  readonly pullSuspendMs?: number
}

/**
 * Consumes at its own pace, from queues that the program names (`assign`) or that the group shares out
 * (`subscribe`), from any place (`seek`). What a pull has brought counts as consumed at the next one, or by
 * `commit`.
 */
export class LitePullConsumer {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #deliveries: ConcurrentDeliveries
  readonly #consumption: Consumption
  readonly #member: GroupMember
  readonly #desk: SendBackDesk
  readonly #tap: MessageTap
  readonly #assigned = new Map<string, Subscription>()
  readonly #onClosed: () => void
  #started: Promise<void> | undefined
  #assigning: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /**
   * @param onClosed hears when it has been closed
   * @throws ClientError invalidParameter for options that make no sense
   */
  constructor(instance: ClientInstance, options: LitePullOptions, onClosed: () => void = () => undefined) {
    const { group, from = 'latest', autoCommit = true, strategy = allocateAveragely } = options
    try {
      checkGroup(group)
    } catch (error) {
      throw clientErrorOf(error)
    }
    this.group = group
    this.#instance = instance
    this.#onClosed = onClosed
    const { host, brokers } = instance
    const { clock, log } = host
    const start = startPointOf(from)
    this.#deliveries = new ConcurrentDeliveries(clock)
    this.#consumption = new Consumption({
      ...{ instance, group, start, deliveries: this.#deliveries },
      offsets: new RemoteOffsetStore(brokers, group, log),
      limits: CONSUMER_DEFAULTS.flow,
      pull: {
        batchMax: options.pullBatchMax ?? CONSUMER_DEFAULTS.pullBatchMax,
        suspendMs: options.pullSuspendMs ?? CONSUMER_DEFAULTS.pullSuspendMs,
        isLite: true,
        isCommitting: false,
      },
      ...{ isOrdered: false, isAutoCommitting: autoCommit, locks: undefined, onDropped: () => undefined },
      onLockLost: () => undefined,
    })
    const inside = { settings: { autoCommit }, atWork: () => '', consumeDirectly: () => undefined }
    const member = { group, start, strategy, inside } as const
    this.#member = new GroupMember(
      instance,
      { ...member, model: 'CLUSTERING', consumeType: 'CONSUME_ACTIVELY' },
      this.#consumption,
    )
    this.#desk = new SendBackDesk(instance, group, 16)
    const settler = new Settler(instance, this.#consumption, this.#desk, {
      ...{ group, isOrdered: false, isBroadcast: false, retriesMax: 16, suspendMs: 1000 },
    })
    this.#tap = new MessageTap({ clock, consumption: this.#consumption, settler, isManual: false })
    this.#deliveries.onReady = this.#tap.wake
  }

  /**
   * Takes part in the group's share of a topic.
   * @throws ClientError invalidParameter after `assign`, subscriptionParseFailed, connectionLost
   */
  async subscribe(topic: string, filter?: Filter, { signal }: AbortOptions = {}): Promise<void> {
    if (this.#assigned.size > 0) throw this.#mixed()
    this.#member.subscribe(subscriptionTo(topic, filter, this.#instance.host.clock.nowMs()))
    await abortable(
      this.#start().then(() => this.#member.changed()),
      signal,
    )
  }

  /**
   * Reads these queues and no others, whoever else does.
   * @throws ClientError invalidParameter after `subscribe`, connectionLost when not all could be begun: to be
   *   called again
   */
  async assign(
    queues: readonly MessageQueue[],
    filter?: Filter,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    if (this.#member.topics.length > 0) throw this.#mixed()
    // one after the other: two at a time would begin a queue twice
    const assign = (): Promise<void> => this.#assign(queues, filter)
    this.#assigning = this.#assigning.then(assign, assign)
    await abortable(this.#assigning, signal)
  }

  async #assign(queues: readonly MessageQueue[], filter: Filter | undefined): Promise<void> {
    const topics = new Set([...this.#assigned.keys(), ...queues.map(({ topic }) => topic)])
    await Promise.all([...topics].map((topic) => this.#instance.routes.load(topic)))
    await this.#start()
    let isDone = true
    for (const topic of topics) {
      const ofTopic = queues.filter((queue) => queue.topic === topic)
      const subscription = subscriptionTo(topic, filter, this.#instance.host.clock.nowMs())
      if (ofTopic.length > 0) this.#assigned.set(topic, subscription)
      else this.#assigned.delete(topic)
      isDone = (await this.#consumption.assign(subscription, ofTopic)) && isDone
    }
    if (!isDone) throw new ClientError('connectionLost', 'not all queues could be begun')
  }

  /** The queues of a topic that can be read. @throws ClientError topicNotExist, connectionLost */
  async queuesOf(topic: string, { signal }: AbortOptions = {}): Promise<readonly MessageQueue[]> {
    return (await abortable(this.#instance.routes.load(topic), signal)).readQueues
  }

  /** The queues that it reads now. */
  get queues(): readonly MessageQueue[] {
    return this.#consumption.queues
  }

  /**
   * Reads on from another place. What was pulled from the queue before no longer counts.
   * @throws ClientError invalidParameter when the queue is not read here, connectionLost
   */
  async seek(
    queue: MessageQueue,
    to: number | 'begin' | 'end',
    { signal }: AbortOptions = {},
  ): Promise<void> {
    if (!this.#consumption.processQueue(queue)) throw this.#notRead(queue)
    await abortable(this.#seek(queue, to), signal)
  }

  async #seek(queue: MessageQueue, to: number | 'begin' | 'end'): Promise<void> {
    const { brokers } = this.#instance
    const offset =
      to === 'begin' ? await brokers.minOffset(queue) : to === 'end' ? await brokers.maxOffset(queue) : to
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new ClientError('invalidParameter', `seek wants an offset, not ${offset}`)
    }
    await this.#consumption.seek(queue, offset)
  }

  /**
   * The offset before which everything counts as consumed.
   * @throws ClientError invalidParameter when it is not read here
   */
  position(queue: MessageQueue): number {
    const processQueue = this.#consumption.processQueue(queue)
    if (!processQueue) throw this.#notRead(queue)
    return processQueue.commitOffset
  }

  /** What the group has committed of a queue; undefined when nothing. @throws ClientError connectionLost */
  async committed(queue: MessageQueue, { signal }: AbortOptions = {}): Promise<number | undefined> {
    return abortable(this.#instance.brokers.committedOffset(this.group, queue), signal)
  }

  /**
   * Takes messages, waiting for the first if there is none.
   * @returns nothing when the time is over or the consumer is closed
   * @throws the signal's reason
   */
  async pull(options: PullOptions = {}): Promise<ReceivedMessage[]> {
    return this.#tap.pull(options)
  }

  /**
   * All that was pulled is consumed: keeps how far each queue has come.
   * @throws ClientError when that did not work for all queues
   */
  async commit({ signal }: AbortOptions = {}): Promise<void> {
    this.#tap.ackAll()
    const failure = await abortable(this.#consumption.persist(), signal)
    if (failure) throw failure
  }

  pause(): void {
    this.#consumption.pause()
  }

  resume(): void {
    this.#consumption.resume()
  }

  /** Commits, unless that is left to the program, and leaves the group. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #start(): Promise<void> {
    if (this.#closing)
      return Promise.reject(new ClientError('closed', `the consumer of group ${this.group} is closed`))
    this.#started ??= this.#join()
    return this.#started
  }

  /** What has failed may be tried again. */
  async #join(): Promise<void> {
    try {
      await this.#member.join()
    } catch (error) {
      this.#started = undefined
      throw clientErrorOf(error)
    }
  }

  async #close(): Promise<void> {
    const isJoined = await this.#started?.then(
      () => true,
      () => false,
    )
    await this.#member.stop()
    this.#consumption.stop()
    this.#tap.close()
    await this.#consumption.close()
    await this.#desk.close()
    if (isJoined) await this.#member.leave()
    this.#onClosed()
  }

  #mixed(): ClientError {
    return new ClientError(
      'invalidParameter',
      `group ${this.group}: queues are either assigned or subscribed to`,
    )
  }

  #notRead({ topic, brokerName, queueId }: MessageQueue): ClientError {
    return new ClientError(
      'invalidParameter',
      `queue ${queueId} of ${topic} at ${brokerName} is not read here`,
    )
  }
}
