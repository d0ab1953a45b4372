import type { Clock, LocalTime, Timer } from '../host.ts'

/** Node's longest timer; a longer delay would fire at once. */
const TIMER_MS_MAX = 2_147_483_647

/**
 * The clock of the machine. A timer never fires early, which Node's own may do by a fraction of a
 * millisecond.
 */
export class RealClock implements Clock {
  #waiting: (() => void)[] = []
  #armed = false

  nowMs(): number {
    return Date.now()
  }

  monoMs(): number {
    return performance.now()
  }

  after(delayMs: number, callback: () => void): Timer {
    const dueMs = performance.now() + delayMs
    let timeout: NodeJS.Timeout | undefined
    const arm = (remainingMs: number): void => {
      timeout = setTimeout(
        () => {
          const restMs = dueMs - performance.now()
          if (restMs > 0) arm(restMs)
          else callback()
        },
        Math.min(Math.ceil(remainingMs), TIMER_MS_MAX),
      )
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(timeout) }
  }

  endOfTurn(callback: () => void): void {
    this.#waiting.push(callback)
    this.#arm()
  }

  localTime(epochMs: number): LocalTime {
    const date = new Date(epochMs)
    return {
      year: date.getFullYear(),
      month: date.getMonth() + 1,
      day: date.getDate(),
      hour: date.getHours(),
      minute: date.getMinutes(),
      second: date.getSeconds(),
      millisecond: date.getMilliseconds(),
    }
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#run)
  }

  readonly #run = (): void => {
    const callbacks = this.#waiting
    this.#waiting = []
    this.#armed = false
    let done = 0
    try {
      for (const callback of callbacks) {
        done++
        callback()
      }
    } finally {
      // One that throws must not take the batch of the others with it.
      if (done < callbacks.length) {
        this.#waiting.unshift(...callbacks.slice(done))
        this.#arm()
      }
    }
  }
}
