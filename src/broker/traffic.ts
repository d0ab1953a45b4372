import type { BrokerStats as BrokerStatsItems } from '../protocol/broker-stats.ts'
import { type Counted, StatsWindows } from './stats-windows.ts'

/**
 * What is counted of a place: a statistic of RocketMQ looks at messages (`..._NUMS`) or at bytes
 * (`..._SIZE`).
 */
export type TrafficUnit = 'count' | 'bytes'

type Sample = Readonly<Record<TrafficUnit | 'times', number>>

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
  #windows: StatsWindows<Sample> | undefined

  add(count: number, bytes: number): void {
    this.count += count
    this.bytes += bytes
    this.times++
  }

  /** Takes the sample of a tick; ticks are 10 s apart and counted from 0. */
  sample(tick: number, monoMs: number): void {
    const { bytes, count, times } = this
    this.#windows ??= new StatsWindows()
    this.#windows.add(tick, monoMs, { count, bytes, times })
  }

  /** What passed until now, as VIEW_BROKER_STATS_DATA answers it. */
  stats(unit: TrafficUnit, monoMs: number): BrokerStatsItems {
    const countedIn = (sample: Sample): Counted => ({ sum: sample[unit], times: sample.times })
    const windows = this.#windows ?? new StatsWindows<Sample>()
    return windows.stats(countedIn(this), countedIn, monoMs)
  }

  /** Messages a second, over the last minute. */
  tps(monoMs: number): number {
    return this.#windows ? this.stats('count', monoMs).statsMinute.tps : 0
  }
}
