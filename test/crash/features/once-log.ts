import type { ReceivedMessage } from '#ternmq/client/index.ts'
import type { FeatureTally } from './feature-tally.ts'

/** What is owed for a message: a record, none, or either. */
export type Owed = 'one' | 'none' | 'either'

interface Entry {
  owed: Owed
  /** No record may be stored, or seen, before this time; ms since 1970. */
  notBeforeMs: number
  count: number
}

/** Messages by number, each of which may have one record in the log at most, and not before its time. */
export class OnceLog {
  readonly #tally: FeatureTally
  readonly #isTimed: boolean
  readonly #entries = new Map<number, Entry>()

  /** @param isTimed whether records carry the time before which they may not come, by the broker's clock */
  constructor(tally: FeatureTally, isTimed: boolean) {
    this.#tally = tally
    this.#isTimed = isTimed
  }

  /** The message is about to be sent: a record may come of it. */
  tried(number: number, notBeforeMs: number): void {
    this.#entries.set(number, { owed: 'either', notBeforeMs, count: 0 })
    this.#tally.sent++
  }

  /** What is known of the message now. */
  owe(number: number, owed: Owed): void {
    this.#entry(number).owed = owed
  }

  /** Its record may come from now on, unless it was allowed to before. */
  allow(number: number, fromMs: number): void {
    const entry = this.#entry(number)
    entry.notBeforeMs = Math.min(entry.notBeforeMs, fromMs)
  }

  /** A record was read. */
  seen(message: Pick<ReceivedMessage, 'text' | 'queue' | 'queueOffset' | 'storedMs'>): void {
    const number = Number(message.text)
    const place = `message ${message.text} at ${message.queue.topic}/${message.queue.queueId} ${message.queueOffset}`
    const entry = this.#entries.get(number)
    if (!entry) {
      this.#tally.fault('ghost', `${place} was not sent`)
      return
    }
    entry.count++
    if (entry.count > 1) this.#tally.fault('double', `${place} is its record number ${entry.count}`)
    else this.#tally.delivered++
    // the broker's clock is this machine's; it stamps what it stores with the time at which its turn began
    const earlyMs = entry.notBeforeMs - (this.#isTimed ? message.storedMs : Date.now())
    if (earlyMs > 0) this.#tally.fault('early', `${place} came ${earlyMs} ms before its time`)
  }

  /** Whether all records that are owed have come. */
  get isSettled(): boolean {
    for (const { owed, count } of this.#entries.values()) if (owed === 'one' && count === 0) return false
    return true
  }

  /** Names what is lost, and what has come though it must not. */
  check(): void {
    for (const [number, { owed, count }] of this.#entries) {
      if (owed === 'one' && count === 0) this.#tally.fault('lost', `message ${number} has not come`)
      if (owed === 'none' && count > 0)
        this.#tally.fault('ghost', `message ${number} has come and should not have`)
    }
  }

  #entry(number: number): Entry {
    const entry = this.#entries.get(number)
    if (!entry) throw new Error(`message ${number} was not tried`)
    return entry
  }
}
