import type { Broker } from '../../broker/broker.ts'
import { PopHold } from '../../broker/pop/pop-hold.ts'
import type { OrderedQueue } from '../../broker/pop/pop-order.ts'
import { WorkSlices } from '../../broker/work-slices.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { Awaited, ConsumeQueue } from '../../store/consume-queue.ts'
import { DeadlineTimer } from './deadline-timer.ts'

/** What waits: a request that found nothing to pop. */
export interface WaitingPop {
  readonly connection: RemotingConnection
  readonly opaque: number
  /** Monotonic time until which it may wait. */
  readonly deadlineMs: number
}

/** Where it looks for messages; -1 is any queue. */
export type PopLine = OrderedQueue & { readonly isOrdered: boolean }

/** Whether a request waits; `late`: its time is up, `full`: too many wait. */
export type HoldOutcome = 'held' | 'late' | 'full'

/** Requests that wait for something to pop, and the timer that ends their waiting. */
export class HeldPops<Waiting extends WaitingPop> {
  readonly #broker: Broker
  readonly #hold: PopHold<Waiting>
  readonly #goOn: (waiting: Waiting) => boolean
  readonly #timer: DeadlineTimer
  /** Those that look into very many queues, and whether each was woken since it began. */
  readonly #walks = new Map<Waiting, boolean>()
  #isStopped = false

  /** @param goOn looks again for a request; returns whether others of its line may find something too */
  constructor(broker: Broker, goOn: (waiting: Waiting) => boolean) {
    this.#broker = broker
    this.#hold = new PopHold(broker.settings.pop)
    this.#goOn = (waiting) => {
      if (!this.#walks.has(waiting)) return goOn(waiting)
      this.#walks.set(waiting, true)
      return true
    }
    this.#timer = new DeadlineTimer(broker.host.clock, this.#expire)
  }

  /** How many wait in one line. */
  countOf(line: PopLine): number {
    return this.#hold.countOf(keyOf(line))
  }

  /** Lets a request wait. */
  hold(line: PopLine, sources: readonly Awaited[], waiting: Waiting): HoldOutcome {
    const { clock } = this.#broker.host
    const { connection, deadlineMs } = waiting
    if (deadlineMs <= clock.monoMs()) return 'late'
    const held = { key: keyOf(line), sources, connectionId: connection.id, deadlineMs, waiting }
    if (!this.#hold.hold(held)) return 'full'
    this.#timer.fireBy(deadlineMs)
    return 'held'
  }

  /**
   * Lets a request look into very many queues, a part a turn. Meanwhile it waits in its line: what arrives where it has been wakes it.
   * @param look looks into some more; returns whether there are more
   * @returns how it waits since; 'woken' when it waits no longer, and may look again
   * @throws whatever `look` throws; it waits no longer then
   */
  async walk(
    line: PopLine,
    sources: readonly Awaited[],
    waiting: Waiting,
    look: () => boolean,
  ): Promise<HoldOutcome | 'woken'> {
    const slices = new WorkSlices(this.#broker.host.clock)
    this.#walks.set(waiting, false)
    const outcome = this.hold(line, sources, waiting)
    try {
      do await slices.pause()
      while (!this.#isStopped && look())
      return this.#walks.get(waiting) ? 'woken' : outcome
    } catch (error) {
      this.leave(line, waiting)
      throw error
    } finally {
      this.#walks.delete(waiting)
    }
  }

  /** Messages have arrived in a queue: of each line that waits for them, as many go on as find some. */
  arrived(queue: ConsumeQueue): void {
    for (const key of this.#hold.keysOf(queue)) this.#wake(key)
  }

  /** There may be something for a line. */
  wake(line: PopLine): void {
    this.#wake(keyOf(line))
  }

  /** An ordered queue may be popped from again. */
  freed(queue: OrderedQueue): void {
    this.wake({ ...queue, isOrdered: true })
    this.wake({ ...queue, queueId: -1, isOrdered: true })
  }

  /** A request has found something by itself: it waits no longer. */
  leave(line: PopLine, waiting: Waiting): void {
    this.#hold.leave(keyOf(line), waiting)
  }

  connectionClosed(connectionId: number): void {
    this.#hold.connectionClosed(connectionId)
  }

  /** Takes all that wait: the broker is shutting down. */
  stop(): Waiting[] {
    this.#isStopped = true
    this.#timer.cancel()
    const held = this.#hold.releaseAll().map(({ waiting }) => waiting)
    return [...new Set([...held, ...this.#walks.keys()])]
  }

  #wake(key: string): void {
    let held = this.#hold.next(key)
    while (held) {
      if (!held.waiting.connection.isClosed && !this.#goOn(held.waiting)) return
      held = this.#hold.next(key)
    }
  }

  readonly #expire = (): number | undefined => {
    for (const { waiting } of this.#hold.due(this.#broker.host.clock.monoMs())) {
      if (!waiting.connection.isClosed) this.#goOn(waiting)
    }
    return this.#hold.nextDueMs
  }
}

function keyOf({ group, isOrdered, queueId, topic }: PopLine): string {
  return `${topic}@${group}@${Math.max(queueId, -1)}${isOrdered ? '@ordered' : ''}`
}
