import type { Clock, Timer } from '../../base/host.ts'

/**
 * One timer for deadlines that mostly pass by unneeded: requests that wait are answered long before. It is set to the earliest
 * one known, and looks for the next only when it has fired, so that waiting costs no wake-ups.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #expire: () => number | undefined
  #timer: Timer | undefined
  #dueMs = Number.POSITIVE_INFINITY

  /** @param expire handles what is due; returns the monotonic time at which there is more to do, undefined for never */
  constructor(clock: Clock, expire: () => number | undefined) {
    this.#clock = clock
    this.#expire = expire
  }

  /** Makes sure that it fires at this monotonic time at the latest, never before. */
  fireBy(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = dueMs
    this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.monoMs()), this.#fire)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueMs = Number.POSITIVE_INFINITY
  }

  readonly #fire = (): void => {
    this.cancel()
    const nextMs = this.#expire()
    if (nextMs !== undefined) this.fireBy(nextMs)
  }
}
