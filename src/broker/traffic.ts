import type { BrokerStatsItem, BrokerStats as BrokerStatsItems } from '../protocol/broker-stats.ts'

/**
 * What is counted of a place: a statistic of RocketMQ looks at messages (`..._NUMS`) or at bytes
 * (`..._SIZE`).
 */
export type TrafficUnit = 'count' | 'bytes'

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

/** The windows of one traffic. */
interface Windows {
  readonly minute: TrafficWindow
  readonly hour: TrafficWindow
  readonly day: TrafficWindow
}

/**
 * What passes one place: messages stored in a topic, messages a group has fetched. Hot paths only add
 * numbers; what a minute, an hour and a day brought is told by the samples that `BrokerStats` takes.
 */
export class Traffic {
  /** Messages since the start. */
  count = 0
  bytes = 0
  /** Requests that brought or fetched them. */
  times = 0
  #windows: Windows | undefined

  add(count: number, bytes: number): void {
    this.count += count
    this.bytes += bytes
    this.times++
  }

  /** Takes the sample of a tick; ticks are 10 s apart and counted from 0. */
  sample(tick: number, monoMs: number): void {
    this.#windows ??= newWindows()
    const { day, hour, minute } = this.#windows
    minute.add(this, monoMs)
    if (tick % HOUR_TICKS === 0) hour.add(this, monoMs)
    if (tick % DAY_TICKS === 0) day.add(this, monoMs)
  }

  /** What passed until now, as VIEW_BROKER_STATS_DATA answers it. */
  stats(unit: TrafficUnit, monoMs: number): BrokerStatsItems {
    const { day, hour, minute } = this.#windows ?? newWindows()
    return {
      statsMinute: minute.item(unit, this, monoMs),
      statsHour: hour.item(unit, this, monoMs),
      statsDay: day.item(unit, this, monoMs),
    }
  }

  /** Messages a second, over the last minute. */
  tps(monoMs: number): number {
    return this.#windows?.minute.item('count', this, monoMs).tps ?? 0
  }
}

interface Sample {
  readonly monoMs: number
  readonly count: number
  readonly bytes: number
  readonly times: number
}

/** The newest samples of one traffic. Before the first lies one of nothing, an interval earlier. */
class TrafficWindow {
  readonly #intervalMs: number
  readonly #samplesMax: number
  /** Oldest first. */
  readonly #samples: Sample[] = []

  constructor({ intervalMs, samplesMax }: { readonly intervalMs: number; readonly samplesMax: number }) {
    this.#intervalMs = intervalMs
    this.#samplesMax = samplesMax
  }

  add({ count, bytes, times }: Traffic, monoMs: number): void {
    const samples = this.#samples
    if (samples.length === 0) samples.push(this.#nothing(monoMs))
    samples.push({ monoMs, count, bytes, times })
    if (samples.length > this.#samplesMax) samples.shift()
  }

  /** From the oldest sample to now. */
  item(unit: TrafficUnit, traffic: Traffic, monoMs: number): BrokerStatsItem {
    const first = this.#samples[0] ?? this.#nothing(monoMs)
    const sum = traffic[unit] - first[unit]
    const times = traffic.times - first.times
    const elapsedMs = monoMs - first.monoMs
    return { sum, tps: elapsedMs > 0 ? (sum * 1000) / elapsedMs : 0, avgpt: times > 0 ? sum / times : 0 }
  }

  #nothing(monoMs: number): Sample {
    return { monoMs: monoMs - this.#intervalMs, count: 0, bytes: 0, times: 0 }
  }
}

function newWindows(): Windows {
  return { minute: new TrafficWindow(MINUTE), hour: new TrafficWindow(HOUR), day: new TrafficWindow(DAY) }
}
