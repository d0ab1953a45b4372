import type { Clock, LocalTime, Timer } from '../host.ts'
import { RealClock } from './real-clock.ts'

interface Waiting {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
}

/**
 * The clock of the machine, which a test can move forward: between moves time flows by itself, so that whoever
 * waits for a moment by its own clock (an official client in another process) is not left waiting.
 */
export class ForwardClock implements Clock {
  readonly #real = new RealClock()
  /** In the order in which they fire. */
  readonly #timers: Waiting[] = []
  #aheadMs = 0
  #sequence = 0
  #realTimer: Timer | undefined
  #realTimerAtMs = Number.POSITIVE_INFINITY
  #turnEndCount = 0
  #isMoving = false

  nowMs(): number {
    return Math.floor(this.#real.nowMs() + this.#aheadMs)
  }

  monoMs(): number {
    return this.#real.monoMs() + this.#aheadMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const waiting: Waiting = { atMs: this.monoMs() + delayMs, sequence: this.#sequence++, callback }
    this.#timers.splice(this.#placeOf(waiting), 0, waiting)
    this.#arm()
    return {
      cancel: () => {
        const place = this.#placeOf(waiting)
        if (this.#timers[place] === waiting) this.#timers.splice(place, 1)
      },
    }
  }

  endOfTurn(callback: () => void): void {
    this.#turnEndCount++
    this.#real.endOfTurn(() => {
      this.#turnEndCount--
      callback()
    })
  }

  localTime(epochMs: number): LocalTime {
    return this.#real.localTime(epochMs)
  }

  /** Whether somebody waits for the end of this turn. */
  get hasTurnEnds(): boolean {
    return this.#turnEndCount > 0
  }

  /** Timers that are armed now. */
  get timerCount(): number {
    return this.#timers.length
  }

  /**
   * Moves time on by `delayMs`, from timer to timer.
   * @param settled waits until nothing is left to do at this instant
   * @throws what a timer throws; the rest stays armed
   */
  async advance(delayMs: number, settled: () => Promise<void>): Promise<void> {
    if (this.#isMoving) throw new Error('the clock is being moved already')
    this.#isMoving = true
    try {
      const endMs = this.monoMs() + delayMs
      await settled()
      for (let next = this.#timers[0]; next && next.atMs <= endMs; next = this.#timers[0]) {
        this.#aheadMs += Math.max(0, next.atMs - this.monoMs())
        this.#fireDue()
        await settled()
      }
      this.#aheadMs += Math.max(0, endMs - this.monoMs())
    } finally {
      this.#isMoving = false
      this.#arm()
    }
  }

  /** Stops firing timers by itself: nothing of this clock keeps the process alive. */
  stop(): void {
    this.#timers.length = 0
    this.#arm()
  }

  #fireDue(): void {
    const nowMs = this.monoMs()
    // one that is armed meanwhile belongs to the next turn
    const sequenceEnd = this.#sequence
    for (let next = this.#timers[0]; next && next.atMs <= nowMs; next = this.#timers[0]) {
      if (next.sequence >= sequenceEnd) return
      this.#timers.shift()
      next.callback()
    }
  }

  /** Has the machine's clock wake this one for the first timer. */
  #arm(): void {
    const atMs = this.#timers[0]?.atMs ?? Number.POSITIVE_INFINITY
    if (this.#isMoving || atMs === this.#realTimerAtMs) return
    this.#realTimer?.cancel()
    this.#realTimerAtMs = atMs
    this.#realTimer = Number.isFinite(atMs)
      ? this.#real.after(Math.max(0, atMs - this.monoMs()), this.#due)
      : undefined
  }

  readonly #due = (): void => {
    this.#realTimerAtMs = Number.POSITIVE_INFINITY
    if (this.#isMoving) return
    try {
      this.#fireDue()
    } finally {
      this.#arm()
    }
  }

  #placeOf(waiting: Waiting): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#timers[middle]
      if (other && isBefore(other, waiting)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function isBefore(one: Waiting, other: Waiting): boolean {
  return one.atMs === other.atMs ? one.sequence < other.sequence : one.atMs < other.atMs
}
