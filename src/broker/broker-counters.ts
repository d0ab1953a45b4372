import type { Clock, Timer } from '../base/host.ts'

const SAMPLE_INTERVAL_MS = 10_000
/** Windows over which rates are told, newest first: 10 s, 60 s, 600 s (StoreStatsService). */
const WINDOWS_SAMPLES = [1, 6, 60] as const

interface Sample {
  readonly monoMs: number
  readonly put: number
  readonly gotten: number
}

/** What the whole broker has done since its start: plain counters on the hot paths, rates by samples every ten seconds. */
export class BrokerCounters {
  /** Messages stored. */
  put = 0
  /** Bytes of bodies stored. */
  putBytes = 0
  /** Messages handed to consumers. */
  gotten = 0
  /** Pulls that found something, and that did not. */
  pullsFound = 0
  pullsMissed = 0
  readonly #clock: Clock
  /** Newest last. */
  readonly #samples: Sample[] = []
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(): void {
    this.#samples.push({ monoMs: this.#clock.monoMs(), put: this.put, gotten: this.gotten })
    const countMax = WINDOWS_SAMPLES[2] + 1
    if (this.#samples.length > countMax) this.#samples.shift()
    this.#timer = this.#clock.after(SAMPLE_INTERVAL_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Messages stored a second, over the last 10, 60 and 600 seconds. */
  get putRates(): number[] {
    return this.#rates('put')
  }

  get gottenRates(): number[] {
    return this.#rates('gotten')
  }

  #rates(what: 'put' | 'gotten'): number[] {
    const newest = this.#samples.at(-1)
    return WINDOWS_SAMPLES.map((count) => {
      const oldest = this.#samples[Math.max(0, this.#samples.length - 1 - count)]
      if (!newest || !oldest || newest === oldest) return 0
      return ((newest[what] - oldest[what]) * 1000) / (newest.monoMs - oldest.monoMs)
    })
  }
}
