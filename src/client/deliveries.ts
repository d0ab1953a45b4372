import type { Clock, Timer } from '../base/host.ts'
import type { CachedMessage, ProcessQueue } from './process-queue.ts'

/**
 * Messages that are there and wait to be handled, in the order in which they may be. Each that is taken is to
 * be settled, or put back.
 */
export interface Deliveries {
  /** Hears that there may be something to take after there was nothing. */
  onReady: () => void
  /** Takes in what a pull has brought, in the order of the queue. */
  offer(queue: ProcessQueue, messages: readonly CachedMessage[]): void
  /** The next message that may be handled; undefined while there is none. */
  take(): CachedMessage | undefined
  /** Gives one back unhandled: it is taken again, before others, after the delay. */
  putBack(cached: CachedMessage, delayMs: number): void
  /** One that was taken is done with. */
  settle(cached: CachedMessage): void
  /** A queue may have become usable again. */
  resume(queue: ProcessQueue): void
  /** A queue has left: what waits in it is handed out no more. */
  forget(queue: ProcessQueue): void
  /** Forgets what waits. */
  close(): void
}

/** Every message may be handled as soon as it is there, side by side with all others. */
export class ConcurrentDeliveries implements Deliveries {
  onReady: () => void = () => undefined
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  #waiting: CachedMessage[] = []
  #at = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  offer(_queue: ProcessQueue, messages: readonly CachedMessage[]): void {
    for (const cached of messages) this.#waiting.push(cached)
    if (messages.length > 0) this.onReady()
  }

  take(): CachedMessage | undefined {
    while (this.#at < this.#waiting.length) {
      const cached = this.#waiting[this.#at++] as CachedMessage
      if (!cached.queue.isDropped) {
        if (this.#at >= 4096) this.#compact()
        return cached
      }
    }
    this.#compact()
    return undefined
  }

  putBack(cached: CachedMessage, delayMs: number): void {
    if (cached.queue.isDropped) return
    if (delayMs === 0) {
      this.#putFirst(cached)
      return
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer)
      this.#putFirst(cached)
    })
    this.#timers.add(timer)
  }

  settle(cached: CachedMessage): void {
    cached.queue.settle(cached)
  }

  resume(): void {
    this.onReady()
  }

  forget(): void {
    // `take` leaves out what is of a queue that was dropped
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#waiting = []
    this.#at = 0
  }

  #putFirst(cached: CachedMessage): void {
    if (this.#at > 0) this.#waiting[--this.#at] = cached
    else this.#waiting.unshift(cached)
    this.onReady()
  }

  #compact(): void {
    if (this.#at === 0) return
    this.#waiting = this.#at === this.#waiting.length ? [] : this.#waiting.slice(this.#at)
    this.#at = 0
  }
}

/** One queue as ordered consumption sees it. */
interface Line {
  readonly queue: ProcessQueue
  waiting: CachedMessage[]
  at: number
  /** One of its messages is being handled, or waits to be tried again. */
  isBusy: boolean
  /** It stands among those that have something to take. */
  isReady: boolean
  timer: Timer | undefined
}

/**
 * Of each queue one message is handled at a time, in order, and only while the queue is locked for this
 * client.
 */
export class OrderedDeliveries implements Deliveries {
  onReady: () => void = () => undefined
  readonly #clock: Clock
  readonly #lines = new Map<ProcessQueue, Line>()
  readonly #ready: Line[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  offer(queue: ProcessQueue, messages: readonly CachedMessage[]): void {
    if (messages.length === 0) return
    const line = this.#lineOf(queue)
    line.waiting.push(...messages)
    this.#makeReady(line)
  }

  take(): CachedMessage | undefined {
    for (let line = this.#ready.shift(); line; line = this.#ready.shift()) {
      line.isReady = false
      if (line.queue.isDropped) this.#lines.delete(line.queue)
      else if (line.queue.lockedUntilMs > this.#clock.monoMs()) {
        const cached = line.waiting[line.at]
        if (cached) {
          line.isBusy = true
          return cached
        }
      }
      // a queue whose lock has run out comes back by `resume`
    }
    return undefined
  }

  putBack(cached: CachedMessage, delayMs: number): void {
    const line = this.#lines.get(cached.queue)
    if (!line || cached.queue.isDropped) return
    const free = (): void => {
      line.timer = undefined
      line.isBusy = false
      this.#makeReady(line)
    }
    if (delayMs === 0) free()
    else line.timer = this.#clock.after(delayMs, free)
  }

  settle(cached: CachedMessage): void {
    cached.queue.settle(cached)
    const line = this.#lines.get(cached.queue)
    if (!line) return
    line.isBusy = false
    line.at++
    if (line.at >= 1024 || line.at === line.waiting.length) {
      line.waiting = line.waiting.slice(line.at)
      line.at = 0
    }
    this.#makeReady(line)
  }

  resume(queue: ProcessQueue): void {
    const line = this.#lines.get(queue)
    if (line) this.#makeReady(line)
  }

  forget(queue: ProcessQueue): void {
    this.#lines.get(queue)?.timer?.cancel()
    this.#lines.delete(queue)
  }

  close(): void {
    for (const { timer } of this.#lines.values()) timer?.cancel()
    this.#lines.clear()
    this.#ready.length = 0
  }

  #lineOf(queue: ProcessQueue): Line {
    const known = this.#lines.get(queue)
    if (known) return known
    const line: Line = { queue, waiting: [], at: 0, isBusy: false, isReady: false, timer: undefined }
    this.#lines.set(queue, line)
    return line
  }

  #makeReady(line: Line): void {
    if (line.queue.isDropped) {
      line.timer?.cancel()
      this.#lines.delete(line.queue)
      return
    }
    if (line.isBusy || line.isReady || line.at >= line.waiting.length) return
    line.isReady = true
    this.#ready.push(line)
    this.onReady()
  }
}
