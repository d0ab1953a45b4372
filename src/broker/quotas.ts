import { parseQuotaRules, type QuotaDirection, type QuotaKind, type QuotaRule } from './quota-rules.ts'
import { TokenBucket } from './token-bucket.ts'

/** Who sends or takes, by what quotas know of him. */
export interface QuotaSubject {
  readonly client?: string | undefined
  readonly group?: string | undefined
  readonly topic?: string | undefined
}

/** Buckets of names that have been quiet are forgotten when there are this many. */
const BUCKETS_MAX = 10_000

interface Buckets {
  readonly messages: TokenBucket | undefined
  readonly bytes: TokenBucket | undefined
}

const KINDS: readonly QuotaKind[] = ['client', 'group', 'topic']

/**
 * How many messages and bytes clients, groups and topics may send and take in a second (setting `quotas`). Pure: time comes with each
 * call. Without a rule nothing asks here.
 */
export class Quotas {
  #rules = new Map<string, QuotaRule>()
  readonly #buckets = new Map<string, Buckets>()
  readonly #directions = new Set<QuotaDirection>()

  /** Takes rules for those before; buckets begin full. @throws MqError badSetting */
  setRules(text: string): void {
    const rules = parseQuotaRules(text)
    this.#rules = new Map(rules.map((rule) => [keyOf(rule.direction, rule.kind, rule.name), rule]))
    this.#buckets.clear()
    this.#directions.clear()
    for (const { direction } of rules) this.#directions.add(direction)
  }

  /** Whether there is any rule for messages that come, or that are handed out. */
  has(direction: QuotaDirection): boolean {
    return this.#directions.has(direction)
  }

  /** How long until all quotas that are concerned let something pass; 0 when they do now. */
  waitMs(direction: QuotaDirection, subject: QuotaSubject, nowMs: number): number {
    let waitMs = 0
    for (const kind of KINDS) {
      const buckets = this.#bucketsOf(direction, kind, subject[kind], nowMs)
      if (!buckets) continue
      waitMs = Math.max(waitMs, buckets.messages?.waitMs(nowMs) ?? 0, buckets.bytes?.waitMs(nowMs) ?? 0)
    }
    return waitMs
  }

  /** Messages have passed. */
  charge(
    direction: QuotaDirection,
    subject: QuotaSubject,
    passed: { messages: number; bytes: number; nowMs: number },
  ): void {
    for (const kind of KINDS) {
      const buckets = this.#bucketsOf(direction, kind, subject[kind], passed.nowMs)
      buckets?.messages?.take(passed.messages)
      buckets?.bytes?.take(passed.bytes)
    }
  }

  #bucketsOf(
    direction: QuotaDirection,
    kind: QuotaKind,
    name: string | undefined,
    nowMs: number,
  ): Buckets | undefined {
    if (name === undefined) return undefined
    const key = keyOf(direction, kind, name)
    const known = this.#buckets.get(key)
    if (known) return known
    const rule = this.#rules.get(key) ?? this.#rules.get(keyOf(direction, kind, '*'))
    if (!rule) return undefined
    if (this.#buckets.size >= BUCKETS_MAX) this.#forgetQuiet(nowMs)
    const bucketOf = (perSecond: number) =>
      Number.isFinite(perSecond) ? new TokenBucket(perSecond, nowMs) : undefined
    const made = { messages: bucketOf(rule.messages), bytes: bucketOf(rule.bytes) }
    this.#buckets.set(key, made)
    return made
  }

  #forgetQuiet(nowMs: number): void {
    for (const [key, { messages, bytes }] of this.#buckets) {
      if ((messages?.isFull(nowMs) ?? true) && (bytes?.isFull(nowMs) ?? true)) this.#buckets.delete(key)
    }
    // all are busy: the oldest begin anew, so that this stays rare
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= BUCKETS_MAX * 0.9) break
      this.#buckets.delete(key)
    }
  }
}

function keyOf(direction: QuotaDirection, kind: QuotaKind, name: string): string {
  return `${direction} ${kind}:${name}`
}
