import type { Awaited, ConsumeQueue } from '../../store/consume-queue.ts'
import { DueTicks } from './due-ticks.ts'

/** A pop, or a question for messages, that waits. `Waiting` is what its door needs to go on with it. */
export interface HeldPop<Waiting> {
  /** Of its group, topic and queue. */
  readonly key: string
  /** Where messages for it may arrive: one queue, or all of a topic. */
  readonly sources: readonly Awaited[]
  readonly connectionId: number
  /** Monotonic time at which it is answered all the same. */
  readonly deadlineMs: number
  readonly waiting: Waiting
}

/** How many pops may wait; settings of these names. */
export interface PopHoldLimits {
  /** Most pops of one key. */
  readonly popPollingSize: number
  /** Most pops in all. */
  readonly maxPopPollingSize: number
}

/** Deadlines are met to this precision. */
const POP_HOLD_TICK_MS = 50

/** All that wait for the same: they watch the same sources, and are served in turn. */
interface Line<Waiting> {
  readonly sources: readonly Awaited[]
  readonly held: Set<HeldPop<Waiting>>
}

/**
 * Pops that found nothing wait here, by group, topic and queue, until messages arrive or their time is up (RocketMQ's
 * PopLongPollingService). Of a line one is woken at a time: what it leaves is for the next. Pure: arrivals and time come with calls.
 */
export class PopHold<Waiting> {
  readonly #limits: PopHoldLimits
  readonly #lines = new Map<string, Line<Waiting>>()
  readonly #keysBySource = new Map<Awaited, Set<string>>()
  readonly #byConnection = new Map<number, Set<HeldPop<Waiting>>>()
  readonly #deadlines = new DueTicks<HeldPop<Waiting>>(POP_HOLD_TICK_MS)

  constructor(limits: PopHoldLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#deadlines.count
  }

  /** Monotonic time of the next tick in which pops are due; undefined while none waits. */
  get nextDueMs(): number | undefined {
    return this.#deadlines.nextMs
  }

  /** Pops that wait in one line. */
  countOf(key: string): number {
    return this.#lines.get(key)?.held.size ?? 0
  }

  /** @returns false when too many wait */
  hold(pop: HeldPop<Waiting>): boolean {
    if (this.count >= this.#limits.maxPopPollingSize) return false
    if (this.countOf(pop.key) > this.#limits.popPollingSize) return false
    const line = this.#lines.get(pop.key) ?? this.#open(pop)
    line.held.add(pop)
    const ofConnection = this.#byConnection.get(pop.connectionId)
    if (ofConnection) ofConnection.add(pop)
    else this.#byConnection.set(pop.connectionId, new Set([pop]))
    this.#deadlines.add(pop, pop.deadlineMs)
    return true
  }

  /** Lines that wait for messages of a queue. */
  keysOf(queue: ConsumeQueue): string[] {
    const keysOf = (source: Awaited): Iterable<string> => this.#keysBySource.get(source) ?? []
    return [...keysOf(queue), ...keysOf(queue.ofTopic)]
  }

  /** Takes the pop of a line that has waited longest. */
  next(key: string): HeldPop<Waiting> | undefined {
    const [pop] = this.#lines.get(key)?.held ?? []
    if (pop) this.#release(pop)
    return pop
  }

  /** Takes the pop that waits for this, if it still does. @returns whether it did */
  leave(key: string, waiting: Waiting): boolean {
    for (const pop of this.#lines.get(key)?.held ?? []) {
      if (pop.waiting !== waiting) continue
      this.#release(pop)
      return true
    }
    return false
  }

  /** Takes the pops whose time is up. */
  due(nowMs: number): HeldPop<Waiting>[] {
    const due = this.#deadlines.due(nowMs)
    for (const pop of due) this.#release(pop)
    return due
  }

  /** The connection is gone: its pops are forgotten. */
  connectionClosed(connectionId: number): void {
    for (const pop of [...(this.#byConnection.get(connectionId) ?? [])]) this.#release(pop)
  }

  /** Takes all pops: the broker is shutting down. */
  releaseAll(): HeldPop<Waiting>[] {
    const all = [...this.#lines.values()].flatMap(({ held }) => [...held])
    for (const pop of all) this.#release(pop)
    return all
  }

  #open({ key, sources }: HeldPop<Waiting>): Line<Waiting> {
    const line = { sources, held: new Set<HeldPop<Waiting>>() }
    this.#lines.set(key, line)
    for (const source of sources) {
      const keys = this.#keysBySource.get(source)
      if (keys) keys.add(key)
      else {
        this.#keysBySource.set(source, new Set([key]))
        source.awaiterCount++
      }
    }
    return line
  }

  #close(key: string, line: Line<Waiting>): void {
    this.#lines.delete(key)
    for (const source of line.sources) {
      const keys = this.#keysBySource.get(source)
      keys?.delete(key)
      if (keys?.size !== 0) continue
      this.#keysBySource.delete(source)
      source.awaiterCount--
    }
  }

  #release(pop: HeldPop<Waiting>): void {
    const line = this.#lines.get(pop.key)
    if (!line?.held.delete(pop)) return
    this.#deadlines.delete(pop)
    if (line.held.size === 0) this.#close(pop.key, line)
    const ofConnection = this.#byConnection.get(pop.connectionId)
    ofConnection?.delete(pop)
    if (ofConnection?.size === 0) this.#byConnection.delete(pop.connectionId)
  }
}
