import { DATA_VERSION_ZERO, type DataVersion, nextDataVersion } from '../../protocol/data-version.ts'

/** Messages that wait for their time, of one topic. */
export interface TimerCount {
  readonly topic: string
  readonly count: number
  /** When the count has changed last, in ms since 1970. */
  readonly changedMs: number
}

/** What a timer is among those that wait for a topic: 1, or -1 for the recall of one. */
export interface TimerWeight {
  readonly topic: string
  readonly weight: number
}

/**
 * How many timer messages wait, by the topic that they go to (RocketMQ's TimerMetrics). One that is recalled counts no more from the
 * moment in which its recall is read. Pure: time comes in with each call.
 */
export class TimerCounts {
  readonly #counts = new Map<string, TimerCount>()
  #version: DataVersion = DATA_VERSION_ZERO

  /** Changes with every count. */
  get version(): DataVersion {
    return this.#version
  }

  /** As a snapshot has them: recalls of what was not there count below 0, until nothing waits at all. */
  get all(): TimerCount[] {
    return [...this.#counts.values()]
  }

  /** Topics for which messages wait. */
  get waiting(): TimerCount[] {
    return this.all.filter(({ count }) => count > 0)
  }

  get total(): number {
    return this.waiting.reduce((sum, { count }) => sum + count, 0)
  }

  /** Takes up what a snapshot says. */
  restore(counts: readonly TimerCount[]): void {
    for (const count of counts) this.#counts.set(count.topic, count)
  }

  /** A timer is in the index. */
  add({ topic, weight }: TimerWeight, nowMs: number): void {
    this.#change(topic, weight, nowMs)
  }

  /** It has left the index. */
  remove({ topic, weight }: TimerWeight, nowMs: number): void {
    this.#change(topic, -weight, nowMs)
  }

  /** Nothing waits. */
  clear(nowMs: number): void {
    if (this.#counts.size === 0) return
    this.#counts.clear()
    this.#version = nextDataVersion(this.#version, nowMs)
  }

  #change(topic: string, change: number, nowMs: number): void {
    const count = (this.#counts.get(topic)?.count ?? 0) + change
    if (count !== 0) this.#counts.set(topic, { topic, count, changedMs: nowMs })
    else this.#counts.delete(topic)
    this.#version = nextDataVersion(this.#version, nowMs)
  }
}
