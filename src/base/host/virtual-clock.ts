import assert from 'node:assert/strict'
import type { Clock, LocalTime, Timer } from '../host.ts'

/** So many turns at one instant mean that somebody calls himself for ever. */
const TURNS_MAX = 100_000

interface Waiting {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
}

/**
 * A clock that stands still until a test moves it. Timers fire in the order of (time, registration). All
 * timers of one instant make one turn: promises settle after each of them, the end-of-turn callbacks run
 * after the last. With nothing real awaited, a run is the same every time. Resolution: a microsecond.
 */
export class VirtualClock implements Clock {
  #monoMs = 0
  #wallStartMs: number
  #sequence = 0
  /** Latest first, so that the next one is popped. */
  readonly #timers: Waiting[] = []
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
    const waiting: Waiting = { atMs, sequence: this.#sequence++, callback }
    this.#timers.splice(this.#placeOf(waiting), 0, waiting)
    return {
      cancel: () => {
        const place = this.#placeOf(waiting)
        if (this.#timers[place] === waiting) this.#timers.splice(place, 1)
      },
    }
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
    return this.#timers.length
  }

  /** Makes the wall clock jump; timers and the monotonic clock do not notice. */
  setWallMs(nowMs: number): void {
    this.#wallStartMs = nowMs - this.#monoMs
  }

  /** Lets promises and ends of turns run until nothing is left to do at this instant, without moving time. */
  async settle(): Promise<void> {
    await this.#drive(() => this.#settle())
  }

  /**
   * Moves time on by `delayMs`, firing on the way what becomes due.
   * @throws what a timer or an end-of-turn callback throws; the rest stays armed
   */
  async advance(delayMs: number): Promise<void> {
    const endMs = this.#monoMs + delayMs
    await this.#drive(async () => {
      await this.#settle()
      while (await this.#fireNext(endMs));
      this.#monoMs = endMs
    })
  }

  /**
   * Moves time from timer to timer until `done()` holds.
   * @returns whether it came to hold before `withinMs` had passed or no timer was left
   */
  async advanceUntil(done: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.#monoMs + withinMs
    await this.#drive(async () => {
      await this.#settle()
      while (!done() && (await this.#fireNext(endMs)));
    })
    return done()
  }

  async #drive(steps: () => Promise<void>): Promise<void> {
    assert(!this.#driven, 'the virtual clock is being moved already')
    this.#driven = true
    try {
      await steps()
    } finally {
      this.#driven = false
    }
  }

  /** Fires all timers of the next instant up to `endMs`. */
  async #fireNext(endMs: number): Promise<boolean> {
    const instantMs = this.#timers.at(-1)?.atMs
    if (instantMs === undefined || instantMs > endMs) return false
    this.#monoMs = Math.max(this.#monoMs, instantMs)
    // A timer that is armed for this same instant by one of them belongs to the next turn.
    const sequenceEnd = this.#sequence
    let next = this.#timers.at(-1)
    while (next && next.atMs === instantMs && next.sequence < sequenceEnd) {
      this.#timers.pop()
      next.callback()
      await microtasks()
      next = this.#timers.at(-1)
    }
    await this.#settle()
    return true
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      await microtasks()
      if (this.#turnEnd.length === 0) return
      for (let left = this.#turnEnd.length; left > 0; left--) this.#turnEnd.shift()?.()
    }
    throw new Error(`the virtual clock does not come to rest within ${TURNS_MAX} turns`)
  }

  /** Where it stands or belongs in the list. */
  #placeOf(waiting: Waiting): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#timers[middle]
      if (other && isLater(other, waiting)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function isLater(one: Waiting, other: Waiting): boolean {
  return one.atMs === other.atMs ? one.sequence > other.sequence : one.atMs > other.atMs
}

/** One real turn of the loop: every promise job that can run has run before it. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
