import type { BrokerStats as BrokerStatsItems } from '../protocol/broker-stats.ts'
import { type Counted, StatsWindows } from './stats-windows.ts'
import { Traffic } from './traffic.ts'

/** Numbers of a queue, one after the other. */
const COUNT = 0
const BYTES = 1
const TIMES = 2
/** Milliseconds that requests have taken, and how many requests took them. */
const MS = 3
const TIMED = 4
const NUMBERS = 5

/**
 * What is counted of a queue: messages or bytes of its requests, or the milliseconds that they took; `timedMs`
 * where only some were timed, and averages are of those.
 */
export type QueueTrafficUnit = 'count' | 'bytes' | 'ms' | 'timedMs'

const PLACES: Readonly<Record<QueueTrafficUnit, readonly [sum: number, times: number]>> = {
  count: [COUNT, TIMES],
  bytes: [BYTES, TIMES],
  ms: [MS, TIMES],
  timedMs: [MS, TIMED],
}

/** Queues with higher ids are counted with their topic only: a sample of all of them takes memory. */
const QUEUE_ID_MAX = 4095

/**
 * What passes a topic, and each of its queues (RocketMQ's enableDetailStat, which is on there too). The
 * numbers of all queues lie in one array, of which a sample is a copy; where nothing has passed since the
 * last, that stands again, so that what rests takes no memory.
 */
export class QueueTraffic extends Traffic {
  readonly #numbers: number[] = []
  #isChanged = false
  #lastSample: readonly number[] = []
  readonly #queueWindows = new StatsWindows<readonly number[]>()

  /** As `add`, in a queue. */
  addIn(queueId: number, count: number, bytes: number): void {
    this.add(count, bytes)
    if (queueId > QUEUE_ID_MAX) return
    const at = this.#placeOf(queueId)
    const numbers = this.#numbers
    numbers[at + COUNT] = (numbers[at + COUNT] as number) + count
    numbers[at + BYTES] = (numbers[at + BYTES] as number) + bytes
    numbers[at + TIMES] = (numbers[at + TIMES] as number) + 1
  }

  /** Takes back requests that were counted, or are about to be, one by one and came as one. */
  joined(queueId: number, times: number): void {
    this.times -= times
    if (queueId > QUEUE_ID_MAX) return
    const at = this.#placeOf(queueId) + TIMES
    this.#numbers[at] = (this.#numbers[at] as number) - times
  }

  /** A request of a queue has taken so many milliseconds. */
  took(queueId: number, ms: number): void {
    if (queueId > QUEUE_ID_MAX) return
    const at = this.#placeOf(queueId)
    const numbers = this.#numbers
    numbers[at + MS] = (numbers[at + MS] as number) + ms
    numbers[at + TIMED] = (numbers[at + TIMED] as number) + 1
  }

  override sample(tick: number, monoMs: number): void {
    super.sample(tick, monoMs)
    if (this.#isChanged) this.#lastSample = this.#numbers.slice()
    this.#isChanged = false
    this.#queueWindows.add(tick, monoMs, this.#lastSample)
  }

  /** What passed a queue until now; undefined where nothing ever did. */
  queueStats(queueId: number, unit: QueueTrafficUnit, monoMs: number): BrokerStatsItems | undefined {
    const [sum, times] = PLACES[unit]
    const at = queueId * NUMBERS
    const countedIn = (numbers: readonly number[]): Counted => ({
      sum: numbers[at + sum] ?? 0,
      times: numbers[at + times] ?? 0,
    })
    const now = countedIn(this.#numbers)
    return now.times > 0 ? this.#queueWindows.stats(now, countedIn, monoMs) : undefined
  }

  /** Where the numbers of a queue begin. Whoever asks changes them. */
  #placeOf(queueId: number): number {
    const at = queueId * NUMBERS
    while (this.#numbers.length < at + NUMBERS) this.#numbers.push(0)
    this.#isChanged = true
    return at
  }
}
