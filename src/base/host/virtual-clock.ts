import assert from 'node:assert/strict'
import type { Clock, LocalTime, Timer } from '../host.ts'
import { TimerQueue } from './timer-queue.ts'

/** So many turns at one instant mean that somebody calls himself for ever. */
const TURNS_MAX = 100_000

/**
 * A clock that stands still until a test moves it. Timers fire in the order of (time, registration). All
 * timers of one instant make one turn: promises settle after each of them, the end-of-turn callbacks run
 * after the last. With nothing real awaited, a run is the same every time. Resolution: a microsecond.
 */
export class VirtualClock implements Clock {
  #monoMs = 0
  #wallStartMs: number
  readonly #timers = new TimerQueue()
  readonly #zoneOffsetMs: number
  #turnEnd: (() => void)[] = []
  #driven = false

  /**
   * `startMs`: the wall clock at the beginning; `zoneOffsetMs`: how far local time is ahead of UTC, 0 by
   * default.
   */
  constructor(startMs: number, zoneOffsetMs = 0) {
    this.#wallStartMs = startMs
    this.#zoneOffsetMs = zoneOffsetMs
  }

  nowMs(): number {
    return Math.floor(this.#wallStartMs + this.#monoMs)
  }

  monoMs(): number {
    return this.#monoMs
  }

  after(delayMs: number, callback: () => void): Timer {
    // Rounding lets delays that add up to the same instant meet there.
    const atMs = Math.round((this.#monoMs + Math.max(0, delayMs)) * 1000) / 1000
    return this.#timers.add(atMs, callback)
  }

  endOfTurn(callback: () => void): void {
    this.#turnEnd.push(callback)
  }

  localTime(epochMs: number): LocalTime {
    const date = new Date(epochMs + this.#zoneOffsetMs)
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      millisecond: date.getUTCMilliseconds(),
    }
  }

  /** Timers that are armed now: 0 after a clean stop. */
  get timerCount(): number {
    return this.#timers.count
  }

  /** Makes the wall clock jump; timers and the monotonic clock do not notice. */
  setWallMs(nowMs: number): void {
    this.#wallStartMs = nowMs - this.#monoMs
  }

  /** Lets promises and ends of turns run until nothing is left to do at this instant, without moving time. */
  async settle(): Promise<void> {
    await this.#drive(Number.NEGATIVE_INFINITY, () => false)
  }

  /**
   * Moves time on by `delayMs`, firing on the way what becomes due.
   * @throws what a timer or an end-of-turn callback throws; the rest stays armed
   */
  async advance(delayMs: number): Promise<void> {
    const endMs = this.#monoMs + delayMs
    await this.#drive(endMs, () => false)
    this.#monoMs = endMs
  }

  /**
   * Moves time from timer to timer until `done()` holds.
   * @returns whether it came to hold before `withinMs` had passed or no timer was left
   */
  async advanceUntil(done: () => boolean, withinMs: number): Promise<boolean> {
    await this.#drive(this.#monoMs + withinMs, done)
    return done()
  }

  /**
   * Moves time on until a promise is settled.
   * @returns what it is settled with
   * @throws what it is settled with; an error when it is not within `withinMs`, or nothing is left that could settle it
   */
  async advanceUntilSettled<Value>(promise: Promise<Value>, withinMs: number): Promise<Value> {
    let isSettled = false
    const settled = promise.finally(() => {
      isSettled = true
    })
    settled.catch(() => undefined)
    await this.advanceUntil(() => isSettled, withinMs)
    if (!isSettled) throw new Error(`not settled within ${withinMs} ms`)
    return settled
  }

  /** Settles, then goes from instant to instant up to `endMs`, unless `done()` holds before. */
  async #drive(endMs: number, done: () => boolean): Promise<void> {
    assert(!this.#driven, 'the virtual clock is being moved already')
    this.#driven = true
    try {
      await microtasks()
      await this.#endTurns()
      while (!done() && this.#timers.nextAtMs <= endMs) {
        const instantMs = this.#timers.nextAtMs
        this.#monoMs = Math.max(this.#monoMs, instantMs)
        // a timer that is armed for this same instant by one of them belongs to the next turn
        const { sequence } = this.#timers
        let fire = this.#timers.take(instantMs, sequence)
        while (fire) {
          fire()
          await microtasks()
          fire = this.#timers.take(instantMs, sequence)
        }
        if (this.#turnEnd.length > 0) await this.#endTurns()
      }
    } finally {
      this.#driven = false
    }
  }

  /** Runs what waits for the end of the turn, and what that has wait for the end of the next, until nothing is left. */
  async #endTurns(): Promise<void> {
    for (let turn = 0; this.#turnEnd.length > 0; turn++) {
      if (turn === TURNS_MAX) {
        throw new Error(`the virtual clock does not come to rest within ${TURNS_MAX} turns`)
      }
      for (let left = this.#turnEnd.length; left > 0; left--) this.#turnEnd.shift()?.()
      await microtasks()
    }
  }
}

/** One real turn of the loop: every promise job that can run has run before it. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
