import { messageOf } from '../base/errors.ts'
import type { Timer } from '../base/host.ts'
import type { ConsumeStatus, ProcessQueueInfo } from '../protocol/consumer-running-info.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import type { ClientError } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { ConsumeCounts } from './consume-counts.ts'
import type { Deliveries } from './deliveries.ts'
import type { OffsetStore } from './offset-store.ts'
import { type CachedMessage, type FlowLimits, ProcessQueue } from './process-queue.ts'
import { type PullEar, PullLoop, type PullSettings } from './pull-loop.ts'
import { LOCK_MS, LOCK_RENEWAL_MS, type QueueLocks } from './queue-locks.ts'
import type { ReceivedMessage } from './received-message.ts'
import { type StartPoint, type Subscription, startIn } from './subscription.ts'

const PERSIST_INTERVAL_MS = 5000

/** Locks of a broker that cannot be reached are asked for again after this long. */
const RELOCK_DELAY_MS = 1000

export interface ConsumptionParts {
  readonly instance: ClientInstance
  readonly group: string
  readonly deliveries: Deliveries
  readonly offsets: OffsetStore
  readonly limits: FlowLimits
  readonly pull: PullSettings
  readonly start: StartPoint
  readonly isOrdered: boolean
  /**
   * Whether offsets are kept every 5 s, when a queue is lost and at the end; else only when the program says
   * so.
   */
  readonly isAutoCommitting: boolean
  /** Of an ordered consumer that shares its queues with others. */
  readonly locks: QueueLocks | undefined
  /** The queue has left this consumer: whatever works on it should stop. */
  readonly onDropped: (queue: ProcessQueue) => void
  /** Another client has locked a queue that this one held: queues are to be shared out anew. */
  readonly onLockLost: () => void
}

interface Active {
  readonly queue: ProcessQueue
  readonly loop: PullLoop
  readonly subscription: Subscription
}

/**
 * The queues that a consumer works on, whoever decides which: pulls them, hands their messages out, takes
 * them back settled, and keeps how far each has come.
 */
export class Consumption {
  readonly #parts: ConsumptionParts
  readonly #active = new Map<string, Active>()
  /** Queues on their way out: they may not come back before that is done. */
  readonly #leaving = new Map<string, { readonly queue: ProcessQueue; readonly done: Promise<void> }>()
  readonly #ear: PullEar
  readonly #counts = new ConsumeCounts()
  #persistTimer: Timer | undefined
  #lockTimer: Timer | undefined
  #stopHearing: () => void = () => undefined
  #isPaused = false
  #isClosed = false

  constructor(parts: ConsumptionParts) {
    this.#parts = parts
    const { events, host } = parts.instance
    this.#ear = {
      pulled: (queue, messages, nextOffset) => this.#pulled(queue, messages, nextOffset),
      committed: (queue, offset) => parts.offsets.noteWritten(queue.queue, offset),
      moved: (queue, offset) => void this.#restart(queue, offset),
      stalled: (queue, error: ClientError) =>
        events.emit('stalled', { group: parts.group, queue: queue.queue, error }),
    }
    if (parts.isAutoCommitting) {
      this.#persistTimer = host.clock.after(PERSIST_INTERVAL_MS, this.#persistAgain)
    }
    if (parts.locks) {
      this.#lockTimer = host.clock.after(LOCK_RENEWAL_MS, this.#renewLocks)
      this.#stopHearing = events.on('disconnected', ({ address }) => this.#doubtLocks(address))
    }
  }

  /** The queues that it works on now. */
  get queues(): MessageQueue[] {
    return [...this.#active.values()].map(({ queue }) => queue.queue)
  }

  /** Messages that are not settled. */
  get unsettledCount(): number {
    let count = 0
    for (const { queue } of this.#active.values()) count += queue.count
    return count
  }

  /** How far each queue has come, and what is held of it, as tools are told. */
  queueInfos(): Map<MessageQueue, ProcessQueueInfo> {
    const { clock } = this.#parts.instance.host
    const nowMs = clock.nowMs()
    return new Map(
      [...this.#active.values()].map(({ queue }) => {
        // one that needs no lock has it for ever
        const restMs = queue.lockedUntilMs - clock.monoMs()
        const lock = {
          isLocked: restMs > 0,
          lastLockMs: Math.round(nowMs + Math.min(restMs, LOCK_MS) - LOCK_MS),
        }
        return [queue.queue, queue.info(nowMs, lock)]
      }),
    )
  }

  /** How consuming goes, by topic. */
  statusTable(): Map<string, ConsumeStatus> {
    return this.#counts.statusTable(this.#parts.instance.host.clock.nowMs())
  }

  /** The offsets that may be committed in the queues of a topic. */
  commitOffsets(topic: string): Map<MessageQueue, number> {
    const ofTopic = [...this.#active.values()].filter(({ queue }) => queue.queue.topic === topic)
    return new Map(ofTopic.map(({ queue }) => [queue.queue, queue.commitOffset]))
  }

  /** The state of a queue that it works on. */
  processQueue(queue: MessageQueue): ProcessQueue | undefined {
    return this.#active.get(messageQueueKey(queue))?.queue
  }

  /**
   * Works on these queues of a topic from now on, and on no others of it.
   * @returns whether that has come true: not while a queue is locked by another client, or its offset cannot
   *   be found out
   */
  async assign(subscription: Subscription, wanted: readonly MessageQueue[]): Promise<boolean> {
    const { topic } = subscription
    const wantedKeys = new Set(wanted.map(messageQueueKey))
    const lost = [...this.#active].filter(
      ([key, { queue }]) => queue.queue.topic === topic && !wantedKeys.has(key),
    )
    const dropped = lost.map(([key]) => this.#drop(key))
    // an ordered queue leaves when its handler is done: others are not to wait for that
    if (!this.#parts.locks) await Promise.all(dropped)
    const missing = wanted.filter((queue) => !this.#active.has(messageQueueKey(queue)))
    return this.#add(subscription, missing)
  }

  /** Goes on at another offset; what is held of the queue is forgotten. */
  async seek(queue: MessageQueue, offset: number): Promise<void> {
    const active = this.#active.get(messageQueueKey(queue))
    if (active) await this.#restart(active.queue, offset)
  }

  /** The next message to handle. It is to be given to `settle` or `putBack`. */
  take(): CachedMessage | undefined {
    if (this.#isClosed || this.#isPaused) return undefined
    const cached = this.#parts.deliveries.take()
    if (cached) cached.queue.handling++
    return cached
  }

  /** A message is done with. */
  settle(cached: CachedMessage): void {
    this.#parts.deliveries.settle(cached)
    this.#release(cached.queue)
  }

  /** A message is to be handled again after the delay. */
  putBack(cached: CachedMessage, delayMs: number): void {
    if (!this.#isClosed) this.#parts.deliveries.putBack(cached, delayMs)
    this.#release(cached.queue)
  }

  /** Hands nothing out and pulls nothing until `resume`; what is being handled goes on. */
  pause(): void {
    this.#isPaused = true
    for (const { loop } of this.#active.values()) loop.pause()
  }

  resume(): void {
    this.#isPaused = false
    for (const { loop } of this.#active.values()) loop.resume()
    this.#parts.deliveries.onReady()
  }

  /**
   * Keeps how far each queue has come.
   * @returns what stood in the way of that, for the first queue where something did
   */
  async persist(): Promise<ClientError | undefined> {
    const offsets = new Map([...this.#active.values()].map(({ queue }) => [queue.queue, queue.commitOffset]))
    return this.#parts.offsets.write(offsets)
  }

  /** Pulls and hands out nothing more; what is being handled may still be settled until `close`. */
  stop(): void {
    this.#isClosed = true
    this.#persistTimer?.cancel()
    this.#lockTimer?.cancel()
    this.#stopHearing()
    this.#parts.deliveries.close()
    for (const { queue, loop } of this.#active.values()) {
      queue.isDropped = true
      loop.wake()
    }
  }

  /** Keeps the offsets and gives the queues back. */
  async close(): Promise<void> {
    this.stop()
    for (const { queue } of this.#active.values()) this.#parts.onDropped(queue)
    if (this.#parts.isAutoCommitting) await this.persist()
    // whoever has not let go by now is not waited for
    for (const { queue } of this.#leaving.values()) queue.onIdle()
    await Promise.all([...this.#leaving.values()].map(({ done }) => done))
    await this.#parts.locks?.unlock(this.queues)
    this.#active.clear()
  }

  #release(queue: ProcessQueue): void {
    queue.handling--
    if (queue.handling === 0) queue.onIdle()
  }

  #pulled(queue: ProcessQueue, messages: readonly ReceivedMessage[], nextOffset: number): void {
    this.#parts.deliveries.offer(queue, queue.add(messages, nextOffset))
  }

  async #add(subscription: Subscription, queues: readonly MessageQueue[]): Promise<boolean> {
    const { locks } = this.#parts
    const free = queues.filter((queue) => !this.#leaving.has(messageQueueKey(queue)))
    const held = locks && (await locks.lock(free)).held
    const mine = held ? free.filter((queue) => held.has(messageQueueKey(queue))) : free
    const begun = await Promise.all(
      mine.map(async (queue) => {
        const offset = await this.#firstOffset(queue)
        if (offset === undefined || this.#isClosed) return false
        this.#begin(subscription, queue, offset, held?.get(messageQueueKey(queue)))
        return true
      }),
    )
    return mine.length === queues.length && begun.every((isBegun) => isBegun)
  }

  #begin(subscription: Subscription, queue: MessageQueue, offset: number, lockedUntilMs?: number): void {
    const { instance, group, limits, pull } = this.#parts
    const nowMs = instance.host.clock.nowMs()
    const counts = this.#counts.of(queue.topic, nowMs)
    const processQueue = new ProcessQueue(queue, offset, { limits, counts, nowMs })
    if (lockedUntilMs !== undefined) processQueue.lockedUntilMs = lockedUntilMs
    const parts = { instance, group, subscription, queue: processQueue, settings: pull }
    const loop = new PullLoop({ ...parts, consumeCounts: this.#counts }, this.#ear)
    this.#active.set(messageQueueKey(queue), { queue: processQueue, loop, subscription })
    if (this.#isPaused) loop.pause()
    void loop.run()
  }

  /** Where a queue begins: what the group has committed, else its start. */
  async #firstOffset(queue: MessageQueue): Promise<number | undefined> {
    const { offsets, instance, group, start } = this.#parts
    const { brokers, host } = instance
    try {
      const committed = await offsets.read(queue)
      if (committed !== undefined && committed >= 0) return committed
      const point = startIn(queue.topic, start)
      if (point.at === 'time') return await brokers.searchOffset(queue, point.timestampMs)
      return await (point.at === 'latest' ? brokers.maxOffset(queue) : brokers.minOffset(queue))
    } catch (error) {
      const fields = { group, queue: messageQueueKey(queue), error: messageOf(error) }
      host.log.warn(fields, 'the offset of a queue could not be found out; it is tried again')
      return undefined
    }
  }

  /**
   * Takes a queue out of work: keeps how far it has come, and unlocks it when its handler is done.
   * @param isOurs false when another client has it already: its offset and its lock are not touched
   */
  #drop(key: string, isOurs = true): Promise<void> {
    const active = this.#active.get(key)
    if (!active) return Promise.resolve()
    this.#active.delete(key)
    const done = this.#leave(active, isOurs).finally(() => this.#leaving.delete(key))
    this.#leaving.set(key, { queue: active.queue, done })
    return done
  }

  async #leave({ queue, loop }: Active, isOurs: boolean): Promise<void> {
    const { offsets, locks, onDropped, isAutoCommitting } = this.#parts
    queue.isDropped = true
    loop.wake()
    this.#parts.deliveries.forget(queue)
    onDropped(queue)
    if (locks) await idle(queue)
    if (!isOurs) return
    if (isAutoCommitting) await offsets.write(new Map([[queue.queue, queue.commitOffset]]))
    await locks?.unlock([queue.queue])
  }

  async #restart(queue: ProcessQueue, offset: number): Promise<void> {
    const key = messageQueueKey(queue.queue)
    const active = this.#active.get(key)
    if (active?.queue !== queue || this.#isClosed) return
    queue.isDropped = true
    active.loop.wake()
    this.#parts.deliveries.forget(queue)
    this.#parts.onDropped(queue)
    if (this.#parts.isOrdered) await idle(queue)
    if (this.#isClosed || this.#active.get(key) !== active) return
    this.#begin(active.subscription, queue.queue, offset, queue.lockedUntilMs)
    if (this.#parts.isAutoCommitting) await this.#parts.offsets.write(new Map([[queue.queue, offset]]))
  }

  readonly #persistAgain = async (): Promise<void> => {
    await this.persist()
    if (!this.#isClosed) {
      const { clock } = this.#parts.instance.host
      this.#persistTimer = clock.after(PERSIST_INTERVAL_MS, this.#persistAgain)
    }
  }

  /**
   * A broker that has gone may come back without its locks, and give them to whoever asks first: nothing of its
   * queues is handed out until they are locked again.
   */
  #doubtLocks(address: string): void {
    const { routes, host } = this.#parts.instance
    const doubted = [...this.#active.values()].filter(
      ({ queue }) => routes.masterOf(queue.queue.brokerName) === address,
    )
    if (doubted.length === 0) return
    for (const { queue } of doubted) queue.lockedUntilMs = 0
    this.#lockTimer?.cancel()
    this.#lockTimer = host.clock.after(0, this.#renewLocks)
  }

  readonly #renewLocks = async (): Promise<void> => {
    const { locks, instance, deliveries, onLockLost } = this.#parts
    const { clock } = instance.host
    const answer = await locks?.lock(this.queues)
    if (!answer || this.#isClosed) return
    for (const [key, { queue, loop }] of this.#active) {
      const untilMs = answer.held.get(key)
      if (untilMs === undefined) continue
      queue.lockedUntilMs = untilMs
      loop.wake()
      deliveries.resume(queue)
    }
    const lost = [...answer.denied].filter((key) => this.#active.has(key))
    // who has it now goes on from what is committed: this client is to do so too when it gets it back
    for (const key of lost) void this.#drop(key, false)
    if (lost.length > 0) onLockLost()
    const isSure = [...this.#active.values()].every(({ queue }) => queue.lockedUntilMs > clock.monoMs())
    this.#lockTimer?.cancel()
    this.#lockTimer = clock.after(isSure ? LOCK_RENEWAL_MS : RELOCK_DELAY_MS, this.#renewLocks)
  }
}

/** Waits until nothing of the queue is being handled. */
function idle(queue: ProcessQueue): Promise<void> {
  if (queue.handling === 0) return Promise.resolve()
  return new Promise((resolve) => {
    queue.onIdle = resolve
  })
}
