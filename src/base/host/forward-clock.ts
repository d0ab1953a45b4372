import type { Clock, LocalTime, Timer } from '../host.ts'
import { RealClock } from './real-clock.ts'
import { TimerQueue } from './timer-queue.ts'

/**
 * The clock of the machine, which a test can move forward: between moves time flows by itself, so that whoever
 * waits for a moment by its own clock (an official client in another process) is not left waiting.
 */
export class ForwardClock implements Clock {
  readonly #real = new RealClock()
  readonly #timers = new TimerQueue()
  #aheadMs = 0
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
    const timer = this.#timers.add(this.monoMs() + delayMs, callback)
    this.#arm()
    return timer
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
    return this.#timers.count
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
      while (this.#timers.nextAtMs <= endMs) {
        this.#aheadMs += Math.max(0, this.#timers.nextAtMs - this.monoMs())
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
    this.#timers.clear()
    this.#arm()
  }

  #fireDue(): void {
    const nowMs = this.monoMs()
    // one that is armed meanwhile belongs to the next turn
    const { sequence } = this.#timers
    let fire = this.#timers.take(nowMs, sequence)
    while (fire) {
      fire()
      fire = this.#timers.take(nowMs, sequence)
    }
  }

  /** Has the machine's clock wake this one for the first timer. */
  #arm(): void {
    const atMs = this.#timers.nextAtMs
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
}
