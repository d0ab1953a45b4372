import type { ConsumeStatus } from '../protocol/consumer-running-info.ts'

/** Rates are over so long, looked at so often. */
const RATE_SAMPLES = 7
const SAMPLE_INTERVAL_MS = 10_000

/** Failures are counted over an hour of minutes. */
const HOUR_SAMPLES = 61
const MINUTE_MS = 60_000

/** What consuming one topic has come to; numbers only grow. A message costs it an addition. */
export class TopicCounts {
  succeeded = 0
  failed = 0
  pulls = 0
  pulledMessages = 0
  pulledMs = 0
  /** Handlers whose time was taken, and their milliseconds. */
  timedHandlers = 0
  timedMs = 0
}

interface Sample {
  readonly atMs: number
  readonly counts: Readonly<TopicCounts>
}

interface Topic {
  readonly counts: TopicCounts
  /** Oldest first. */
  readonly recent: Sample[]
  readonly hour: Sample[]
}

/**
 * How consuming goes, topic by topic, as RocketMQ's clients tell it: a minute's rates, an hour's failures
 * (ConsumerStatsManager). Samples are taken when a pull comes back, of which there is one every 15 s.
 */
export class ConsumeCounts {
  readonly #topics = new Map<string, Topic>()

  of(topic: string, nowMs: number): TopicCounts {
    const known = this.#topics.get(topic)
    if (known) return known.counts
    const counts = new TopicCounts()
    const first = { atMs: nowMs, counts: { ...counts } }
    this.#topics.set(topic, { counts, recent: [first], hour: [first] })
    return counts
  }

  /** Time has passed. */
  sample(topic: string, nowMs: number): void {
    const known = this.#topics.get(topic)
    if (!known) return
    keep(known.recent, known.counts, { nowMs, intervalMs: SAMPLE_INTERVAL_MS, countMax: RATE_SAMPLES })
    keep(known.hour, known.counts, { nowMs, intervalMs: MINUTE_MS, countMax: HOUR_SAMPLES })
  }

  statusTable(nowMs: number): Map<string, ConsumeStatus> {
    return new Map([...this.#topics].map(([topic, known]) => [topic, statusOf(known, nowMs)]))
  }
}

function keep(
  samples: Sample[],
  counts: TopicCounts,
  { nowMs, intervalMs, countMax }: { nowMs: number; intervalMs: number; countMax: number },
): void {
  const last = samples.at(-1)
  if (last && nowMs - last.atMs < intervalMs) return
  samples.push({ atMs: nowMs, counts: { ...counts } })
  if (samples.length > countMax) samples.shift()
}

function statusOf({ counts, recent, hour }: Topic, nowMs: number): ConsumeStatus {
  const { atMs, counts: before } = recent[0] ?? { atMs: nowMs, counts }
  const seconds = Math.max(nowMs - atMs, 1) / 1000
  const mean = (total: number, count: number): number => (count === 0 ? 0 : total / count)
  return {
    consumeFailedMsgs: counts.failed - (hour[0]?.counts.failed ?? 0),
    consumeFailedTPS: (counts.failed - before.failed) / seconds,
    consumeOKTPS: (counts.succeeded - before.succeeded) / seconds,
    consumeRT: mean(counts.timedMs - before.timedMs, counts.timedHandlers - before.timedHandlers),
    pullRT: mean(counts.pulledMs - before.pulledMs, counts.pulls - before.pulls),
    pullTPS: (counts.pulledMessages - before.pulledMessages) / seconds,
  }
}
