import type { ConsumeQueue } from '../store/consume-queue.ts'

/** A pull that waits for a message. `Waiting` is what its door needs to go on with it. */
export interface HeldPull<Waiting> {
  readonly queue: ConsumeQueue
  readonly connectionId: number
  /** Monotonic time at which it is answered all the same. */
  readonly deadlineMs: number
  readonly waiting: Waiting
}

/** Most pulls that one connection may have waiting: an official consumer has one a queue. */
const HELD_PER_CONNECTION_MAX = 65_536

/**
 * Most of them for one queue: each message that arrives there looks at all of them. An official consumer has one a queue and group.
 */
const HELD_PER_CONNECTION_AND_QUEUE_MAX = 64

/** Most pulls that wait altogether, whoever has them. */
const HELD_MAX = 1_048_576

/** Deadlines are met to this precision. */
const HOLD_TICK_MS = 50

/**
 * Long polling: pulls that found nothing wait here, by queue, until a message arrives or their time is up (RocketMQ's
 * PullRequestHoldService, without its scans). Pure: arrivals and time come with calls, and what is released is returned.
 */
export class PullHold<Waiting> {
  readonly #byQueue = new Map<ConsumeQueue, Set<HeldPull<Waiting>>>()
  readonly #byConnection = new Map<number, PullsOfConnection<Waiting>>()
  /** By the tick in which they are due. */
  readonly #byTick = new Map<number, Set<HeldPull<Waiting>>>()
  #lastTick = 0
  #count = 0

  /** @returns false when the connection, or all, have too many waiting: the pull is to be answered at once */
  hold(pull: HeldPull<Waiting>): boolean {
    if (this.#count >= HELD_MAX) return false
    const ofConnection = this.#byConnection.get(pull.connectionId)
    if (ofConnection && !ofConnection.hasRoom(pull.queue)) return false
    if (!this.#byQueue.has(pull.queue)) pull.queue.awaiterCount++
    addTo(this.#byQueue, pull.queue, pull)
    if (ofConnection) ofConnection.add(pull)
    else this.#byConnection.set(pull.connectionId, new PullsOfConnection(pull))
    addTo(this.#byTick, tickOf(pull.deadlineMs), pull)
    this.#count++
    return true
  }

  /** Messages have arrived in the queue: its pulls look again. */
  arrived(queue: ConsumeQueue): HeldPull<Waiting>[] {
    const pulls = this.#byQueue.get(queue)
    return pulls ? this.#release([...pulls]) : []
  }

  /** Monotonic time of the next tick in which pulls are due; undefined while none waits. */
  get nextDueMs(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const tick of this.#byTick.keys()) if (tick < next) next = tick
    return this.#count > 0 ? next * HOLD_TICK_MS : undefined
  }

  /** Pulls whose time is up. */
  due(nowMs: number): HeldPull<Waiting>[] {
    const tick = Math.floor(nowMs / HOLD_TICK_MS)
    const due: HeldPull<Waiting>[] = []
    // after a long pause the ticks that have pulls are fewer than those that have passed
    if (tick - this.#lastTick > this.#byTick.size) {
      for (const [each, pulls] of this.#byTick) if (each <= tick) due.push(...pulls)
    } else {
      for (let each = this.#lastTick + 1; each <= tick; each++) due.push(...(this.#byTick.get(each) ?? []))
    }
    this.#lastTick = tick
    return this.#release(due)
  }

  /** The connection is gone: its pulls are forgotten. */
  connectionClosed(connectionId: number): void {
    const ofConnection = this.#byConnection.get(connectionId)
    if (ofConnection) this.#release([...ofConnection.pulls])
  }

  /** All pulls: the broker is shutting down. */
  releaseAll(): HeldPull<Waiting>[] {
    return this.#release([...this.#byTick.values()].flatMap((pulls) => [...pulls]))
  }

  #release(pulls: HeldPull<Waiting>[]): HeldPull<Waiting>[] {
    for (const pull of pulls) {
      const ofConnection = this.#byConnection.get(pull.connectionId)
      ofConnection?.remove(pull)
      if (ofConnection?.pulls.size === 0) this.#byConnection.delete(pull.connectionId)
      removeFrom(this.#byTick, tickOf(pull.deadlineMs), pull)
      removeFrom(this.#byQueue, pull.queue, pull)
      if (!this.#byQueue.has(pull.queue)) pull.queue.awaiterCount--
      this.#count--
    }
    return pulls
  }
}

/** What one connection has waiting. */
class PullsOfConnection<Waiting> {
  readonly pulls = new Set<HeldPull<Waiting>>()
  readonly #countByQueue = new Map<ConsumeQueue, number>()

  constructor(first: HeldPull<Waiting>) {
    this.add(first)
  }

  hasRoom(queue: ConsumeQueue): boolean {
    const ofQueue = this.#countByQueue.get(queue) ?? 0
    return this.pulls.size < HELD_PER_CONNECTION_MAX && ofQueue < HELD_PER_CONNECTION_AND_QUEUE_MAX
  }

  add(pull: HeldPull<Waiting>): void {
    this.pulls.add(pull)
    this.#countByQueue.set(pull.queue, (this.#countByQueue.get(pull.queue) ?? 0) + 1)
  }

  remove(pull: HeldPull<Waiting>): void {
    if (!this.pulls.delete(pull)) return
    const left = (this.#countByQueue.get(pull.queue) ?? 0) - 1
    if (left > 0) this.#countByQueue.set(pull.queue, left)
    else this.#countByQueue.delete(pull.queue)
  }
}

/** The first tick that is not before the deadline. */
function tickOf(deadlineMs: number): number {
  return Math.ceil(deadlineMs / HOLD_TICK_MS)
}

function addTo<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const known = sets.get(key)
  if (known) known.add(value)
  else sets.set(key, new Set([value]))
}

function removeFrom<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = sets.get(key)
  values?.delete(value)
  if (values?.size === 0) sets.delete(key)
}
