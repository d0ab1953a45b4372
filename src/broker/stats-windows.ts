import type { BrokerStatsItem, BrokerStats as BrokerStatsItems } from '../protocol/broker-stats.ts'

/**
 * How often a window takes a sample, and how many it keeps: a minute, an hour, a day (RocketMQ's StatsItem).
 * What is told reaches from the oldest sample to now, so that it is neither late nor of a longer time.
 */
const MINUTE = { intervalMs: 10_000, samplesMax: 6 } as const
const HOUR = { intervalMs: 600_000, samplesMax: 6 } as const
const DAY = { intervalMs: 3_600_000, samplesMax: 24 } as const

/** Ticks of `MINUTE` between two samples of the longer windows. */
const HOUR_TICKS = HOUR.intervalMs / MINUTE.intervalMs
const DAY_TICKS = DAY.intervalMs / MINUTE.intervalMs

/** A sum since the start, and what it is the sum of. */
export interface Counted {
  readonly sum: number
  readonly times: number
}

const NOTHING: Counted = { sum: 0, times: 0 }

/** The newest samples of what is counted at one place, over a minute, an hour and a day. */
export class StatsWindows<Sample> {
  readonly #minute = new StatsWindow<Sample>(MINUTE)
  readonly #hour = new StatsWindow<Sample>(HOUR)
  readonly #day = new StatsWindow<Sample>(DAY)

  /** Keeps the sample of a tick; ticks are 10 s apart and counted from 0. */
  add(tick: number, monoMs: number, sample: Sample): void {
    this.#minute.add(sample, monoMs)
    if (tick % HOUR_TICKS === 0) this.#hour.add(sample, monoMs)
    if (tick % DAY_TICKS === 0) this.#day.add(sample, monoMs)
  }

  /**
   * What was counted from the oldest samples to now.
   * @param countedIn what a sample says of the same
   */
  stats(now: Counted, countedIn: (sample: Sample) => Counted, monoMs: number): BrokerStatsItems {
    return {
      statsMinute: this.#minute.item(now, countedIn, monoMs),
      statsHour: this.#hour.item(now, countedIn, monoMs),
      statsDay: this.#day.item(now, countedIn, monoMs),
    }
  }
}

interface TimedSample<Sample> {
  readonly monoMs: number
  /** undefined: before anything was counted. */
  readonly sample: Sample | undefined
}

/** One window. Before its first sample lies one of nothing, an interval earlier. */
class StatsWindow<Sample> {
  readonly #intervalMs: number
  readonly #samplesMax: number
  /** Oldest first. */
  readonly #samples: TimedSample<Sample>[] = []

  constructor({ intervalMs, samplesMax }: { readonly intervalMs: number; readonly samplesMax: number }) {
    this.#intervalMs = intervalMs
    this.#samplesMax = samplesMax
  }

  add(sample: Sample, monoMs: number): void {
    const samples = this.#samples
    if (samples.length === 0) samples.push(this.#nothing(monoMs))
    samples.push({ monoMs, sample })
    if (samples.length > this.#samplesMax) samples.shift()
  }

  item(now: Counted, countedIn: (sample: Sample) => Counted, nowMonoMs: number): BrokerStatsItem {
    const { monoMs, sample } = this.#samples[0] ?? this.#nothing(nowMonoMs)
    const before = sample === undefined ? NOTHING : countedIn(sample)
    const [sum, times, elapsedMs] = [now.sum - before.sum, now.times - before.times, nowMonoMs - monoMs]
    return { sum, tps: elapsedMs > 0 ? (sum * 1000) / elapsedMs : 0, avgpt: times > 0 ? sum / times : 0 }
  }

  #nothing(monoMs: number): TimedSample<Sample> {
    return { monoMs: monoMs - this.#intervalMs, sample: undefined }
  }
}
