import type { MessageQueue } from '../protocol/message-queue.ts'
import { checkGroup, retryTopicOf } from '../protocol/names.ts'
import { type AbortOptions, abortable } from './abortable.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { CONSUMER_DEFAULTS, type ConsumerOptions } from './consumer-options.ts'
import { Consumption } from './consumption.ts'
import { ConcurrentDeliveries, type Deliveries, OrderedDeliveries } from './deliveries.ts'
import { GroupMember } from './group-member.ts'
import { type Handler, HandlerRunner } from './handler-runner.ts'
import { MessageTap, type PullOptions } from './message-tap.ts'
import { LocalOffsetStore, MemoryOffsetStore, type OffsetStore, RemoteOffsetStore } from './offset-store.ts'
import type { Reject, Retry } from './outcomes.ts'
import type { CachedMessage } from './process-queue.ts'
import { QueueLocks } from './queue-locks.ts'
import type { ReceivedMessage } from './received-message.ts'
import { Replier } from './replier.ts'
import type { ConsumerInside } from './running-info.ts'
import { SendBackDesk } from './send-back.ts'
import { Settler } from './settler.ts'
import { type Filter, startPointOf, subscriptionTo } from './subscription.ts'

/**
 * Consumes the messages of a group's topics, in one of three ways: `run(handler)`, `for await (const message
 * of consumer)`, or `pull()`. It joins the group when it is first used, and leaves it by `close`.
 */
export class Consumer {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #options: ConsumerOptions
  readonly #deliveries: Deliveries
  readonly #consumption: Consumption
  readonly #member: GroupMember
  readonly #desk: SendBackDesk
  readonly #settler: Settler
  readonly #replier: Replier
  #runner: HandlerRunner<CachedMessage> | undefined
  #tap: MessageTap | undefined
  #started: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #closed: () => void = () => undefined
  readonly #whenClosed: Promise<void>
  readonly #onClosed: () => void

  /**
   * @param onClosed hears when it has been closed
   * @throws ClientError invalidParameter, subscriptionParseFailed for options that make no sense
   */
  constructor(instance: ClientInstance, options: ConsumerOptions, onClosed: () => void = () => undefined) {
    this.#instance = instance
    this.#options = options
    this.group = checkedGroup(options.group)
    this.#onClosed = onClosed
    this.#whenClosed = new Promise((resolve) => {
      this.#closed = resolve
    })
    const { clock } = instance.host
    const { ordered = false } = options
    this.#deliveries = ordered ? new OrderedDeliveries(clock) : new ConcurrentDeliveries(clock)
    this.#consumption = this.#makeConsumption()
    this.#member = this.#makeMember()
    const retriesMax = options.retriesMax ?? (ordered ? Number.MAX_SAFE_INTEGER : 16)
    this.#replier = new Replier(instance)
    this.#desk = new SendBackDesk(instance, this.group, Math.min(retriesMax, 2_147_483_647))
    this.#settler = new Settler(instance, this.#consumption, this.#desk, {
      group: this.group,
      isOrdered: ordered,
      isBroadcast: this.#isBroadcast,
      retriesMax,
      suspendMs: options.suspendMs ?? CONSUMER_DEFAULTS.suspendMs,
    })
    const topics = typeof options.topic === 'string' ? [options.topic] : (options.topic ?? [])
    for (const topic of topics) this.#subscribe(topic, options.filter)
    // a group gets back what it has given back
    if (!this.#isBroadcast) this.#subscribe(retryTopicOf(this.group), undefined)
  }

  /**
   * Adds a topic, or replaces its filter.
   * @throws ClientError invalidParameter, subscriptionParseFailed
   */
  async subscribe(topic: string, filter?: Filter, { signal }: AbortOptions = {}): Promise<void> {
    this.#subscribe(topic, filter)
    if (this.#started)
      await abortable(
        this.#started.then(() => this.#member.changed()),
        signal,
      )
  }

  /**
   * Joins the group. Done when brokers know of it and the first queues are shared out; the other methods do
   * it by themselves.
   * @throws ClientError invalidParameter when this client consumes for the group already, connectionLost,
   *   subscriptionParseFailed when a broker cannot read a filter
   */
  start({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#closing)
      return Promise.reject(new ClientError('closed', `the consumer of group ${this.group} is closed`))
    this.#started ??= this.#join()
    return abortable(this.#started, signal)
  }

  /**
   * Handles each message by a function, many at a time. What the function throws has its message delivered
   * again.
   * @returns when the consumer has been closed
   * @throws ClientError as `start`
   */
  async run(handler: Handler, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#runner || this.#tap) throw this.#inUse()
    const { concurrency, handlerTimeoutMs } = { ...CONSUMER_DEFAULTS, ...this.#options }
    const { instruments, host } = this.#instance
    const { clock } = host
    this.#runner = new HandlerRunner(
      {
        ...{ clock, handler, instruments, source: this.#consumption },
        ...{ settler: this.#settler, replies: this.#replier, timed: noteTime },
      },
      { group: this.group, concurrency, handlerTimeoutMs },
    )
    this.#deliveries.onReady = this.#runner.pump
    try {
      await this.start()
    } catch (error) {
      this.#runner = undefined
      throw error
    }
    // one that was started before may hold messages already
    this.#runner.pump()
    const abort = (): void => void this.close()
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    await this.#whenClosed
    signal?.removeEventListener('abort', abort)
  }

  /**
   * Takes messages, waiting for the first if there is none. It settles what the call before has brought,
   * unless the consumer is set up for `manualAck`.
   * @returns nothing when the time is over or the consumer is closed
   * @throws ClientError as `start`; the signal's reason
   */
  async pull(options: PullOptions = {}): Promise<ReceivedMessage[]> {
    const tap = this.#openTap()
    await this.start(options)
    return tap.pull(options)
  }

  /**
   * The messages one by one, until the consumer is closed. Asking for the next settles the one before; one
   * that the loop is left with is delivered again, unless it was settled by `ack`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, void, undefined> {
    const tap = this.#openTap()
    await this.start()
    let current: ReceivedMessage | undefined
    try {
      for (;;) {
        const [message] = await tap.pull({ max: 1 })
        if (!message) return
        current = message
        yield message
      }
    } finally {
      if (current && this.#options.manualAck !== true) tap.putBack(current)
    }
  }

  /**
   * A message of `pull` or of the iteration is done with.
   * @throws ClientError invalidParameter when it is not open
   */
  ack(message: ReceivedMessage): void {
    this.#openTap().ack(message)
  }

  /** Has a message of `pull` or of the iteration delivered again. @throws ClientError as `ack` */
  async retry(message: ReceivedMessage, delay?: Retry, { signal }: AbortOptions = {}): Promise<void> {
    await abortable(this.#openTap().retry(message, delay), signal)
  }

  /** Has a message of `pull` or of the iteration buried. @throws ClientError as `ack` */
  async reject(message: ReceivedMessage, reason?: Reject, { signal }: AbortOptions = {}): Promise<void> {
    await abortable(this.#openTap().reject(message, reason), signal)
  }

  /** The queues that this consumer has now. */
  get queues(): readonly MessageQueue[] {
    return this.#consumption.queues
  }

  /** Messages that are here and not settled. */
  get unsettledCount(): number {
    return this.#consumption.unsettledCount
  }

  /** Takes no further messages until `resume`. */
  pause(): void {
    this.#consumption.pause()
  }

  resume(): void {
    this.#consumption.resume()
  }

  /**
   * Keeps how far it has come, now and not only every 5 s.
   * @throws ClientError when that did not work for all queues; it is tried again every 5 s
   */
  async commit({ signal }: AbortOptions = {}): Promise<void> {
    const failure = await abortable(this.#consumption.persist(), signal)
    if (failure) throw failure
  }

  /**
   * Hands out no more messages, waits for handlers at work, commits and leaves the group.
   * @param drainMs how long handlers may take; those that take longer see their signal abort, and their
   *   messages are delivered again
   */
  close({
    drainMs = this.#options.drainMs ?? CONSUMER_DEFAULTS.drainMs,
  }: {
    drainMs?: number
  } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
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

  async #close(drainMs: number): Promise<void> {
    try {
      // one that failed to join has nothing to leave
      const isJoined = await this.#started?.then(
        () => true,
        () => false,
      )
      await this.#member.stop()
      this.#consumption.stop()
      this.#tap?.close()
      await this.#runner?.stop(drainMs)
      await this.#consumption.close()
      await this.#desk.close()
      await this.#replier.close()
      if (isJoined) await this.#member.leave()
    } finally {
      this.#onClosed()
      this.#closed()
    }
  }

  get #isBroadcast(): boolean {
    return this.#options.mode === 'broadcast'
  }

  #subscribe(topic: string, filter: Filter | undefined): void {
    this.#member.subscribe(subscriptionTo(topic, filter, this.#instance.host.clock.nowMs()))
  }

  #openTap(): MessageTap {
    if (this.#runner) throw this.#inUse()
    if (!this.#tap) {
      this.#tap = new MessageTap({
        clock: this.#instance.host.clock,
        consumption: this.#consumption,
        settler: this.#settler,
        isManual: this.#options.manualAck === true,
      })
      this.#deliveries.onReady = this.#tap.wake
    }
    return this.#tap
  }

  #inUse(): ClientError {
    return new ClientError(
      'invalidParameter',
      `the consumer of group ${this.group} is used in another way already`,
    )
  }

  #makeConsumption(): Consumption {
    const { ordered = false, from = 'latest', flow, pullBatchMax, pullSuspendMs } = this.#options
    const { group } = this
    const instance = this.#instance
    const isShared = !this.#isBroadcast
    return new Consumption({
      ...{ instance, group, deliveries: this.#deliveries, offsets: this.#makeOffsets() },
      limits: { ...CONSUMER_DEFAULTS.flow, ...flow, ...(ordered && { spanMax: Number.POSITIVE_INFINITY }) },
      pull: {
        batchMax: pullBatchMax ?? CONSUMER_DEFAULTS.pullBatchMax,
        suspendMs: pullSuspendMs ?? CONSUMER_DEFAULTS.pullSuspendMs,
        isLite: false,
        isCommitting: isShared,
      },
      start: startPointOf(from),
      isOrdered: ordered,
      isAutoCommitting: true,
      locks: ordered && isShared ? new QueueLocks(instance, group) : undefined,
      onLockLost: () => this.#member.membersChanged(),
      onDropped: (dropped) =>
        this.#runner?.abort(
          ({ queue }) => queue === dropped,
          new ClientError('closed', 'the queue has gone to another consumer'),
        ),
    })
  }

  #makeMember(): GroupMember {
    const { from = 'latest', strategy = CONSUMER_DEFAULTS.strategy } = this.#options
    const settings = {
      group: this.group,
      model: this.#isBroadcast ? 'BROADCASTING' : 'CLUSTERING',
      consumeType: 'CONSUME_PASSIVELY',
      start: startPointOf(from),
      strategy,
      inside: this.#makeInside(),
    } as const
    return new GroupMember(this.#instance, settings, this.#consumption)
  }

  #makeInside(): ConsumerInside {
    const options = { ...CONSUMER_DEFAULTS, ...this.#options }
    const { ordered = false, concurrency, retriesMax = -1, suspendMs, handlerTimeoutMs } = options
    const flow = { ...CONSUMER_DEFAULTS.flow, ...options.flow }
    return {
      settings: {
        ...{ ordered, concurrency, maxReconsumeTimes: retriesMax, suspendCurrentQueueTimeMillis: suspendMs },
        consumeTimeout: handlerTimeoutMs / 60_000,
        pullBatchSize: options.pullBatchMax,
        pullThresholdForQueue: flow.countMax,
        pullThresholdSizeForQueue: Math.ceil(flow.bytesMax / 1024 ** 2),
        consumeConcurrentlyMaxSpan: flow.spanMax,
      },
      atWork: () => this.#runner?.atWork() ?? '',
      consumeDirectly: (message) => this.#runner?.consumeDirectly(message, ordered),
    }
  }

  #makeOffsets(): OffsetStore {
    const { brokers, host } = this.#instance
    const { offsetsFile } = this.#options
    if (!this.#isBroadcast) return new RemoteOffsetStore(brokers, this.group, host.log)
    if (offsetsFile === undefined) return new MemoryOffsetStore()
    return new LocalOffsetStore(host.disk, offsetsFile, host.log)
  }
}

function noteTime({ queue: { counts } }: CachedMessage, elapsedMs: number): void {
  counts.timedHandlers++
  counts.timedMs += elapsedMs
}

function checkedGroup(group: string): string {
  try {
    checkGroup(group)
    return group
  } catch (error) {
    throw clientErrorOf(error)
  }
}
