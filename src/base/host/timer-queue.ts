import type { Timer } from '../host.ts'

interface Waiting {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
}

/** Timers that are armed, in the order in which they fire: by time, and at one time as they were armed. */
export class TimerQueue {
  /** Latest first, so that the next one is popped. */
  readonly #timers: Waiting[] = []
  #sequence = 0

  /** Timers that are armed now. */
  get count(): number {
    return this.#timers.length
  }

  /** When the next one fires; infinity where none is armed. */
  get nextAtMs(): number {
    return this.#timers.at(-1)?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Grows with each timer that is armed: tells those that were there from those that come. */
  get sequence(): number {
    return this.#sequence
  }

  add(atMs: number, callback: () => void): Timer {
    const waiting: Waiting = { atMs, sequence: this.#sequence++, callback }
    this.#timers.splice(this.#placeOf(waiting), 0, waiting)
    return {
      cancel: () => {
        const place = this.#placeOf(waiting)
        if (this.#timers[place] === waiting) this.#timers.splice(place, 1)
      },
    }
  }

  /** Takes the next one out, where it is due at `nowMs` and was armed before `sequence` stood there. */
  take(nowMs: number, sequence: number): (() => void) | undefined {
    const next = this.#timers.at(-1)
    if (!next || next.atMs > nowMs || next.sequence >= sequence) return undefined
    this.#timers.pop()
    return next.callback
  }

  clear(): void {
    this.#timers.length = 0
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
