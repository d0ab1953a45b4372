import { type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

/** How often the loop is looked at; what it adds to each reading is taken off. */
const RESOLUTION_MS = 5

/** How late the event loop was, and what the garbage collector took, in seconds. */
export interface LoopFigures {
  readonly lag: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number }
  readonly gc: { readonly count: number; readonly totalSeconds: number; readonly maxSeconds: number }
}

/** Watches the event loop of this process, from when it is made. */
export class LoopWatch {
  readonly #lag: IntervalHistogram
  #gcCount = 0
  #gcTotalMs = 0
  #gcMaxMs = 0

  constructor() {
    this.#lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    this.#lag.enable()
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#gcCount++
        this.#gcTotalMs += duration
        this.#gcMaxMs = Math.max(this.#gcMaxMs, duration)
      }
    }).observe({ entryTypes: ['gc'] })
  }

  /** Lags since the last reading; pauses of the collector since the beginning, their longest since the last reading. */
  read(): LoopFigures {
    const at = (percentile: number): number => seconds(this.#lag.percentile(percentile))
    const lag = { p50: at(50), p99: at(99), p999: at(99.9), max: seconds(this.#lag.max) }
    const gc = {
      count: this.#gcCount,
      totalSeconds: this.#gcTotalMs / 1000,
      maxSeconds: this.#gcMaxMs / 1000,
    }
    this.#lag.reset()
    this.#gcMaxMs = 0
    return { lag, gc }
  }
}

/** A reading of the histogram, in nanoseconds, without the interval at which it looks. */
function seconds(ns: number): number {
  return Math.max(0, ns / 1e9 - RESOLUTION_MS / 1000)
}
