import type { Clock } from '../base/host.ts'

/** Time between two samples. */
export const SAMPLE_INTERVAL_MS = 10_000

/** Windows over which rates are told, newest first: 10 s, 60 s, 600 s (StoreStatsService). */
const WINDOWS_SAMPLES = [1, 6, 60] as const

/** What rates are told of. */
export type RatedCounter = 'put' | 'gotten' | 'pullsFound' | 'pullsMissed' | 'timersIn' | 'timersOut'

type Sample = Readonly<Record<RatedCounter | 'monoMs', number>>

/** Messages of the topics that are not RocketMQ's own, from the start to some moment. */
interface UserTotals {
  readonly put: number
  readonly gotten: number
}

const NOTHING: UserTotals = { put: 0, gotten: 0 }

/**
 * What the whole broker has done since its start: plain counters on the hot paths, rates by samples every ten
 * seconds.
 */
export class BrokerCounters {
  /** Messages stored. */
  put = 0
  /** Bytes of bodies stored. */
  putBytes = 0
  /** Bytes of the log that messages have taken. */
  putRecordBytes = 0
  /** Messages that the store has refused. */
  putFailed = 0
  /** Messages handed to consumers. */
  gotten = 0
  /** Pulls that found something, and that did not. */
  pullsFound = 0
  pullsMissed = 0
  /** Timer messages taken into the index, and delivered or stored again from it. */
  timersIn = 0
  timersOut = 0
  /** Messages that could not be delivered, now or ever, and were passed over lest they hold up others (R14). */
  passedOver = 0
  /** Longest time that a pull has waited for messages to be read from the disk, in whole milliseconds. */
  loadMsMax = 0
  /** `put` and `gotten` without RocketMQ's own topics. */
  userPut = 0
  userGotten = 0
  readonly #clock: Clock
  /** Newest last. */
  readonly #samples: Sample[] = []
  #today = -1
  #yesterdayMorning = NOTHING
  #todayMorning = NOTHING

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a sample; the first at the start, then one every `SAMPLE_INTERVAL_MS`. */
  sample(): void {
    const { put, gotten, pullsFound, pullsMissed, timersIn, timersOut } = this
    const monoMs = this.#clock.monoMs()
    this.#samples.push({ monoMs, put, gotten, pullsFound, pullsMissed, timersIn, timersOut })
    const countMax = WINDOWS_SAMPLES[2] + 1
    if (this.#samples.length > countMax) this.#samples.shift()
    const { day } = this.#clock.localTime(this.#clock.nowMs())
    if (this.#today !== -1 && day !== this.#today) this.#turnDay()
    this.#today = day
  }

  /** How many a second, over the last 10, 60 and 600 seconds, as far as the broker has run that long. */
  rates(counter: RatedCounter): number[] {
    const newest = this.#samples.at(-1)
    return WINDOWS_SAMPLES.map((count) => {
      const oldest = this.#samples[Math.max(0, this.#samples.length - 1 - count)]
      if (!newest || !oldest || newest === oldest) return 0
      return ((newest[counter] - oldest[counter]) * 1000) / (newest.monoMs - oldest.monoMs)
    })
  }

  /** Totals at the last midnight of the machine's time zone; 0 before the first. */
  get todayMorning(): UserTotals {
    return this.#todayMorning
  }

  /** Totals at the midnight before. */
  get yesterdayMorning(): UserTotals {
    return this.#yesterdayMorning
  }

  #turnDay(): void {
    this.#yesterdayMorning = this.#todayMorning
    this.#todayMorning = { put: this.userPut, gotten: this.userGotten }
  }
}
