import type { Logger } from '../../base/host.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { ConsumeQueue } from '../../store/consume-queue.ts'
import { FoundRecords } from '../../store/found-records.ts'
import type { MessageReader } from '../../store/message-reader.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { BrokerCounters } from '../broker-counters.ts'
import type { TimerWeight } from './timer-counts.ts'
import type { TimerEntry } from './timer-entry.ts'
import { timerEntryOf, timerWeightOf } from './timer-message.ts'

/** Messages read in one turn, and bytes of theirs; the first always fits. */
const TURN_COUNT_MAX = 512
const TURN_BYTES_MAX = 1024 * 1024

/** Reads what comes into the timer topic, in order. */
export class TimerFeed {
  readonly #log: Logger
  readonly #counters: BrokerCounters
  readonly #queue: ConsumeQueue
  readonly #reader: MessageReader
  readonly #rollWindowMs: () => number
  readonly #found = new FoundRecords()
  readonly #properties = new PropertyScan()
  /** Offset in the queue of the message that is read next. */
  #next: number
  #readUntilMs = 0
  /** Whether the next read takes one record: among those of the last was one that is damaged. */
  #isCareful = false

  constructor(parts: {
    store: MessageStore
    log: Logger
    counters: BrokerCounters
    queue: ConsumeQueue
    next: number
    rollWindowMs: () => number
  }) {
    this.#log = parts.log
    this.#counters = parts.counters
    this.#queue = parts.queue
    this.#reader = parts.store.makeReader(TURN_COUNT_MAX)
    this.#rollWindowMs = parts.rollWindowMs
    this.#next = parts.next
  }

  get next(): number {
    return this.#next
  }

  /** Everything that was stored before this time has been read, if there is more to read; ms since 1970. */
  get readUntilMs(): number {
    return this.hasMore ? this.#readUntilMs : Number.POSITIVE_INFINITY
  }

  get hasMore(): boolean {
    return this.#next < this.#queue.maxOffset
  }

  /**
   * Reads on, as far as one turn may go.
   * @param take gets each timer, and what it is in the counts
   * @returns false when something must be loaded first
   */
  read(take: (entry: TimerEntry, weight: TimerWeight | undefined) => void): boolean {
    this.#next = Math.max(this.#next, this.#queue.minOffset)
    if (!this.hasMore) return true
    const request = {
      queueOffset: this.#next,
      countMax: this.#isCareful ? 1 : TURN_COUNT_MAX,
      bytesMax: TURN_BYTES_MAX,
      filter: undefined,
    }
    const status = this.#reader.read(this.#queue, request)
    if (status === 'loading') return false
    if (status === 'FOUND' && !this.#takeFound(take)) this.#damaged()
    else {
      this.#isCareful = false
      this.#next = Math.max(this.#next, this.#reader.nextBeginOffset)
    }
    return true
  }

  /** @throws the disk's error */
  async load(): Promise<void> {
    await this.#reader.load()
  }

  /** @returns false where a record cannot be read: `#next` is its place, or one before it */
  #takeFound(take: (entry: TimerEntry, weight: TimerWeight | undefined) => void): boolean {
    const found = this.#found
    const { record } = found
    found.copy(this.#reader.slices)
    let kind = found.next()
    for (; kind === 'message'; kind = found.next()) {
      this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
      const entry = timerEntryOf(record, this.#properties, this.#rollWindowMs())
      if (entry) take(entry, timerWeightOf(this.#properties))
      else this.#passOver({ queueOffset: record.queueOffset, reason: 'it does not say when it is due' })
      this.#next = record.queueOffset + 1
      this.#readUntilMs = record.storeTimestampMs
    }
    return kind === 'end'
  }

  /** What the record says of its place counts for nothing, so it is read alone before it is passed over. */
  #damaged(): void {
    if (this.#isCareful) {
      const { nextBeginOffset } = this.#reader
      this.#passOver({
        queueOffset: nextBeginOffset - 1,
        reason: `its record is damaged: ${this.#found.record.reason}`,
      })
      this.#next = nextBeginOffset
    }
    this.#isCareful = !this.#isCareful
  }

  /** One that can never be delivered does not hold up those behind it (R14). */
  #passOver(what: { readonly queueOffset: number; readonly reason: string }): void {
    this.#counters.passedOver++
    this.#log.error(what, 'a timer message cannot be delivered: it is passed over')
  }
}
