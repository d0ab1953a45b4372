import type { Clock } from '../base/host.ts'
import type { AppendOutcome, AppendWaiter } from '../store/pending-appends.ts'
import type { QueueTraffic } from './queue-traffic.ts'

/** Upper bounds in whole milliseconds, and the names that RocketMQ gives the spans (StoreStatsService). */
const SPANS: readonly (readonly [number, string])[] = [
  [0, '[<=0ms]'],
  [9, '[0~10ms]'],
  [49, '[10~50ms]'],
  [99, '[50~100ms]'],
  [199, '[100~200ms]'],
  [499, '[200~500ms]'],
  [999, '[500ms~1s]'],
  [1999, '[1~2s]'],
  [2999, '[2~3s]'],
  [3999, '[3~4s]'],
  [4999, '[4~5s]'],
  [9999, '[5~10s]'],
  [Number.POSITIVE_INFINITY, '[10s~]'],
]

const SPAN_BOUNDS = SPANS.map(([bound]) => bound)

/**
 * Upper bounds of the finer buckets that percentiles are taken from: 20 steps of 1 ms, 15 of 2 ms and so on.
 */
const BUCKETS: readonly number[] = bucketBounds([
  [1, 20],
  [2, 15],
  [5, 10],
  [10, 10],
  [50, 6],
  [100, 5],
  [1000, 9],
])

/**
 * How long messages take from their coming to the word that they are stored, what the disk takes included.
 * One message at a time is measured and stands for those that came along with it, so that a busy broker looks
 * at the clock twice a turn.
 */
export class PutLatency implements AppendWaiter {
  /** Longest since the start, in whole milliseconds. */
  maxMs = 0
  readonly #clock: Clock
  readonly #puts: () => number
  #waiter: AppendWaiter | undefined
  /** Where the message is counted. */
  #traffic: QueueTraffic | undefined
  #beganMs = 0
  #putsCounted = 0
  #spans = zeros(SPANS.length)
  #buckets = zeros(BUCKETS.length)
  /** The same of the minute before: what is told. */
  #toldSpans = zeros(SPANS.length)
  #toldBuckets = zeros(BUCKETS.length)

  /** @param puts messages taken since the start */
  constructor(clock: Clock, puts: () => number) {
    this.#clock = clock
    this.#puts = puts
  }

  /** Whether no message is being measured. */
  get isFree(): boolean {
    return this.#waiter === undefined
  }

  /**
   * Measures a message.
   * @param traffic where it is counted, and hears how long it took
   * @returns what is to hear of it in the waiter's place
   */
  watch(waiter: AppendWaiter, traffic: QueueTraffic): AppendWaiter {
    this.#waiter = waiter
    this.#traffic = traffic
    this.#beganMs = this.#clock.monoMs()
    return this
  }

  /** The message that was to be measured has been refused. */
  cancel(): void {
    this.#waiter = undefined
  }

  appended(
    outcome: AppendOutcome,
    token: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    const elapsedMs = Math.floor(this.#clock.monoMs() - this.#beganMs)
    this.#note(elapsedMs)
    this.#traffic?.took(queueId, elapsedMs)
    waiter?.appended(outcome, token, queueId, queueOffset, physicalOffset)
  }

  /** A minute has passed: what it brought is told from now on. */
  turnMinute(): void {
    this.#toldSpans = this.#spans
    this.#toldBuckets = this.#buckets
    this.#spans = zeros(SPANS.length)
    this.#buckets = zeros(BUCKETS.length)
  }

  /** How many messages took how long, in the minute before: `[<=0ms]:12 [0~10ms]:5 ...`. */
  get distribution(): string {
    return SPANS.map(([, name], index) => `${name}:${this.#toldSpans[index]} `).join('')
  }

  /**
   * Milliseconds within which this share (0 to 1) of the messages of the minute before were stored; 0 without
   * messages.
   */
  percentile(share: number): number {
    const counts = this.#toldBuckets
    let missing = Math.floor(counts.reduce((sum, count) => sum + count, 0) * share)
    for (const [index, count] of counts.entries()) {
      const low = BUCKETS[index - 1] ?? 0
      const width = index < BUCKETS.length - 1 ? (BUCKETS[index] ?? low) - low : 0
      if (missing <= count) return low + (count > 0 ? (width * missing) / count : 0)
      missing -= count
    }
    return 0
  }

  #note(elapsedMs: number): void {
    const puts = this.#puts()
    const weight = Math.max(1, puts - this.#putsCounted)
    this.#putsCounted = puts
    if (elapsedMs > this.maxMs) this.maxMs = elapsedMs
    addAt(this.#spans, indexOf(SPAN_BOUNDS, elapsedMs), weight)
    addAt(this.#buckets, indexOf(BUCKETS, elapsedMs), weight)
  }
}

/** Of the first bound that is not exceeded. */
function indexOf(bounds: readonly number[], elapsedMs: number): number {
  let index = 0
  while (elapsedMs > (bounds[index] as number)) index++
  return index
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0)
}

function addAt(counts: number[], index: number, weight: number): void {
  counts[index] = (counts[index] ?? 0) + weight
}

function bucketBounds(steps: readonly (readonly [number, number])[]): number[] {
  const bounds: number[] = []
  for (const [step, times] of steps) for (let i = 0; i < times; i++) bounds.push((bounds.at(-1) ?? 0) + step)
  return [...bounds, Number.POSITIVE_INFINITY]
}
