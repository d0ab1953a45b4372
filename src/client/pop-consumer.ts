import type { ConsumeMessageDirectlyResult } from '../protocol/consume-result.ts'
import type { ConsumerRunningInfo, PopProcessQueueInfo } from '../protocol/consumer-running-info.ts'
import type { ConsumerData } from '../protocol/heartbeat-data.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import { checkGroup } from '../protocol/names.ts'
import { type AbortOptions, abortable } from './abortable.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { CONSUMER_DEFAULTS } from './consumer-options.ts'
import type { Handler } from './handler-runner.ts'
import type { HeartbeatMember } from './heartbeats.ts'
import type { PullOptions } from './message-tap.ts'
import { type Popped, PopRequests } from './pop-requests.ts'
import { PopWork } from './pop-work.ts'
import type { GroupListener } from './push-handlers.ts'
import type { ReceivedMessage } from './received-message.ts'
import { runningProperties } from './running-info.ts'
import { type Filter, type Subscription, subscriptionTo } from './subscription.ts'

/** What a consumer by pop takes, for how long, and how its handlers work. */
export interface PopOptions {
  readonly group: string
  readonly topic: string
  /** Tags joined by `||`, or an `sql` template; every message unless given. */
  readonly filter?: Filter
  /** How long a message is nobody else's unless it is acknowledged; 60000 unless given. */
  readonly invisibleMs?: number
  /** Where a group begins that has never been here; `earliest` unless given. */
  readonly from?: 'latest' | 'earliest'
  /** Handlers of `run` at work at the same time; 20 unless given. */
  readonly concurrency?: number
  /** How often a message that a handler of `run` has failed on is delivered again before it is buried; 16 unless given. */
  readonly retriesMax?: number
  /** How long `close` waits for handlers at work; 10000 unless given. */
  readonly drainMs?: number
}

/** How long one broker is waited for, where there are several. */
const POLL_MS_MAX = 15_000

/** Most messages of one pop that brokers allow. */
const COUNT_MAX = 32

/**
 * Takes messages for some time, whatever queue they are in: clients of a group share all messages without sharing
 * out queues, so that one that hangs holds nothing up. What is not acknowledged in time comes again (RocketMQ 5's pop).
 */
export class PopConsumer implements HeartbeatMember, GroupListener {
  readonly group: string
  readonly #instance: ClientInstance
  readonly #requests: PopRequests
  readonly #subscription: Subscription
  readonly #options: PopOptions
  readonly #invisibleMs: number
  readonly #isFromEnd: boolean
  /** What the program has, each with the time at which it is forgotten. */
  readonly #held = new Map<ReceivedMessage, { readonly popped: Popped; readonly untilMs: number }>()
  #nextSweepMs = 0
  readonly #onClosed: () => void
  readonly #closed = new AbortController()
  #work: PopWork | undefined
  #closing: Promise<void> | undefined
  /** Which broker is asked first. */
  #turn: number
  #isKnown = false
  readonly #startMs: number
  #lastPopMs = 0

  /**
   * @param onClosed hears when it has been closed
   * @throws ClientError invalidParameter, subscriptionParseFailed for options that make no sense
   */
  constructor(instance: ClientInstance, options: PopOptions, onClosed: () => void = () => undefined) {
    const { group, topic, filter, invisibleMs = 60_000, from = 'earliest' } = options
    try {
      checkGroup(group)
    } catch (error) {
      throw clientErrorOf(error)
    }
    this.group = group
    this.#options = options
    this.#instance = instance
    this.#requests = new PopRequests(instance)
    this.#subscription = subscriptionTo(topic, filter, instance.host.clock.nowMs())
    this.#invisibleMs = invisibleMs
    this.#isFromEnd = from === 'latest'
    this.#onClosed = onClosed
    this.#turn = instance.host.random.u32() % 1000
    this.#startMs = instance.host.clock.nowMs()
  }

  /**
   * Handles each message by a function, many at a time, as handlers become free. A message is done with when the
   * function returns or its promise resolves; what it throws has it delivered again, later each time, `Retry` says
   * when, `Reject` buries it at once. A handler may take `invisibleMs`: then its signal aborts, and the message
   * comes again.
   * @returns when the consumer has been closed
   * @throws ClientError invalidParameter when it runs already, topicNotExist, connectionLost; the signal's reason
   */
  async run(handler: Handler, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#closing) throw new ClientError('closed', `the consumer of group ${this.group} is closed`)
    if (this.#work)
      throw new ClientError('invalidParameter', `the consumer of group ${this.group} runs already`)
    const { concurrency, retriesMax } = { ...CONSUMER_DEFAULTS, retriesMax: 16, ...this.#options }
    const settings = { concurrency, retriesMax, invisibleMs: this.#invisibleMs }
    const work = new PopWork(this.#instance, this, handler, settings)
    this.#work = work
    try {
      await abortable(this.#instance.routes.load(this.topic), signal)
    } catch (error) {
      this.#work = undefined
      throw error
    }
    const abort = (): void => void this.close()
    signal?.addEventListener('abort', abort, { once: true })
    await work.run()
    signal?.removeEventListener('abort', abort)
    await this.#closing
  }

  /** What it consumes. */
  get topic(): string {
    return this.#subscription.topic
  }

  /**
   * Takes messages, waiting for the first if there is none. Each is to be given to `ack` or `postpone`.
   * @returns nothing when the time is over or the consumer is closed
   * @throws ClientError topicNotExist, connectionLost and what else brokers refuse with; the signal's reason
   */
  async pull({ max = COUNT_MAX, waitMs, signal }: PullOptions = {}): Promise<ReceivedMessage[]> {
    signal?.throwIfAborted()
    const { clock } = this.#instance.host
    const deadlineMs = waitMs === undefined ? Number.POSITIVE_INFINITY : clock.monoMs() + waitMs
    for (let round = 0; ; round++) {
      if (this.#closed.signal.aborted) return []
      const restMs = Math.max(0, Math.floor(deadlineMs - clock.monoMs()))
      const taking = this.#take(Math.min(max, COUNT_MAX), restMs, round)
      const taken = await this.#unlessClosed(abortable(taking, signal), taking)
      this.#forgetExpired()
      for (const popped of taken) this.#hold(popped, this.#invisibleMs)
      if (taken.length > 0 || restMs === 0) return taken.map(({ message }) => message)
    }
  }

  /** The message is done with. @throws ClientError invalidParameter when it is not open here, connectionLost */
  async ack(message: ReceivedMessage, { signal }: AbortOptions = {}): Promise<void> {
    const popped = this.#popped(message)
    await abortable(this.#requests.acknowledge(this.group, popped), signal)
    this.forget(message)
  }

  /** The program is done with the message, whatever the broker knows of it. */
  forget(message: ReceivedMessage): void {
    this.#held.delete(message)
  }

  /** The message comes again after this long; until then it is still this consumer's. @throws ClientError as `ack` */
  async postpone(message: ReceivedMessage, delayMs: number, { signal }: AbortOptions = {}): Promise<void> {
    const popped = this.#popped(message)
    const handle = await abortable(this.#requests.changeInvisible(this.group, popped, delayMs), signal)
    this.#hold({ message, handle }, delayMs)
  }

  /**
   * Takes no more, and waits for handlers at work. What is not acknowledged comes again, to this group's other clients.
   * @param drainMs how long handlers may take
   */
  close({
    drainMs = this.#options.drainMs ?? CONSUMER_DEFAULTS.drainMs,
  }: {
    drainMs?: number
  } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    this.#closed.abort()
    await this.#work?.stop(drainMs)
    const isLast = this.#instance.heartbeats.removeMember(this)
    this.#instance.removePopper(this.group, this)
    this.#held.clear()
    if (isLast) await this.#instance.sayFarewell({ consumerGroup: this.group })
    this.#onClosed()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  consumerData(): ConsumerData {
    return {
      groupName: this.group,
      consumeType: 'CONSUME_POP',
      messageModel: 'CLUSTERING',
      consumeFromWhere: this.#isFromEnd ? 'CONSUME_FROM_LAST_OFFSET' : 'CONSUME_FROM_FIRST_OFFSET',
      unitMode: false,
      subscriptionDataSet: [this.#subscription.data],
    }
  }

  /** Called by the client: an operator asks. */
  runningInfo(isVerbose: boolean): ConsumerRunningInfo {
    const data = this.consumerData()
    const { concurrency, retriesMax: maxReconsumeTimes = 16 } = { ...CONSUMER_DEFAULTS, ...this.#options }
    const settings = { concurrency, maxReconsumeTimes, popInvisibleTime: this.#invisibleMs }
    return {
      properties: runningProperties(this.#instance, data, { settings, startMs: this.#startMs }),
      subscriptionSet: data.subscriptionDataSet,
      mqTable: new Map(),
      mqPopTable: this.#waitingByQueue(),
      statusTable: new Map(),
      userConsumerInfo: new Map(),
      ...(isVerbose && { jstack: this.#work?.atWork() ?? '' }),
    }
  }

  consumeDirectly(message: ReceivedMessage): Promise<ConsumeMessageDirectlyResult> | undefined {
    return this.#work?.consumeDirectly(message)
  }

  /** It has no offsets. */
  commitOffsets(): ReadonlyMap<MessageQueue, number> {
    return new Map()
  }

  offsetsReset(): void {}

  membersChanged(): void {}

  routeChanged(): void {}

  #waitingByQueue(): Map<MessageQueue, PopProcessQueueInfo> {
    const counts = new Map<string, { queue: MessageQueue; count: number }>()
    for (const { queue } of this.#held.keys()) {
      const key = messageQueueKey(queue)
      counts.set(key, { queue, count: (counts.get(key)?.count ?? 0) + 1 })
    }
    const lastPopTimestamp = this.#lastPopMs
    return new Map(
      [...counts.values()].map(({ queue, count }) => [
        queue,
        { droped: false, lastPopTimestamp, waitAckCount: count },
      ]),
    )
  }

  /** Asks the brokers in turn: first whether one has something at once, then one of them waits. */
  async #take(max: number, restMs: number, round: number): Promise<Popped[]> {
    const { routes, heartbeats } = this.#instance
    const { data } = await routes.load(this.#subscription.topic)
    // closed meanwhile: it is not to join its group again
    if (this.#closed.signal.aborted) return []
    if (!this.#isKnown) {
      this.#isKnown = true
      heartbeats.addMember(this)
      this.#instance.addPopper(this.group, this)
    }
    this.#lastPopMs = this.#instance.host.clock.nowMs()
    const { brokerDatas } = data
    const isAlone = brokerDatas.length === 1
    let failure: unknown
    for (let left = brokerDatas.length; left > 0 && !(isAlone && restMs > 0); left--) {
      try {
        const taken = await this.#pop(brokerDatas[this.#turn++ % brokerDatas.length]?.brokerName, max, 0)
        if (taken.length > 0) return taken
      } catch (error) {
        failure = error
        routes.refreshAfterError(this.#subscription.topic)
      }
    }
    if (restMs === 0 || brokerDatas.length === 0) {
      if (failure) throw failure
      return []
    }
    return this.#pop(brokerDatas[round % brokerDatas.length]?.brokerName, max, Math.min(restMs, POLL_MS_MAX))
  }

  async #pop(brokerName: string | undefined, max: number, pollMs: number): Promise<Popped[]> {
    if (this.#closed.signal.aborted) return []
    const address = brokerName === undefined ? undefined : this.#instance.routes.addressOf(brokerName, 0)
    if (brokerName === undefined || address === undefined) {
      throw new ClientError('connectionLost', `topic ${this.#subscription.topic} has no broker`)
    }
    return this.#requests.pop(brokerName, address, {
      ...{ group: this.group, subscription: this.#subscription, max, pollMs },
      ...{ invisibleMs: this.#invisibleMs, isFromEnd: this.#isFromEnd },
    })
  }

  /** What comes after the end, or after the signal, is given back at once. */
  async #unlessClosed(wanted: Promise<Popped[]>, taking: Promise<Popped[]>): Promise<Popped[]> {
    try {
      return await abortable(wanted, this.#closed.signal)
    } catch (error) {
      void taking.then((late) => this.#giveBack(late)).catch(() => undefined)
      if (this.#closed.signal.aborted) return []
      throw error
    }
  }

  async #giveBack(popped: readonly Popped[]): Promise<void> {
    await Promise.all(popped.map((one) => this.#requests.changeInvisible(this.group, one, 0)))
  }

  /** A broker may take an acknowledgement for some time after the message's own is over. */
  #hold(popped: Popped, forMs: number): void {
    const untilMs = this.#instance.host.clock.monoMs() + forMs + this.#invisibleMs
    this.#held.set(popped.message, { popped, untilMs })
  }

  /** What a program never acknowledged comes again as another message: this one is not to stay for ever. */
  #forgetExpired(): void {
    const nowMs = this.#instance.host.clock.monoMs()
    if (nowMs < this.#nextSweepMs) return
    this.#nextSweepMs = nowMs + this.#invisibleMs
    for (const [message, { untilMs }] of this.#held) if (untilMs < nowMs) this.forget(message)
  }

  #popped(message: ReceivedMessage): Popped {
    const held = this.#held.get(message)
    if (held) return held.popped
    throw new ClientError('invalidParameter', `message ${message.messageId} is not held here`)
  }
}
