import { messageOf } from '../base/errors.ts'
import type { Clock, Logger, Timer } from '../base/host.ts'
import type { FileSequence } from './file-sequence.ts'
import type { IndexService } from './index-service.ts'
import { LogWalk } from './log-walk.ts'
import type { Redispatch } from './redispatch.ts'

/** How often it is looked whether the index has stopped. */
const INTERVAL_MS = 2000

/** Records indexed before others run, and the pause that they get. */
const RECORDS_PER_SLICE = 2000
const PAUSE_MS = 5

/** Brings an index that a fault of the disk has stopped up to the log again, in the background, a slice at a time. */
export class IndexCatchUp {
  readonly #index: IndexService
  readonly #files: FileSequence
  readonly #redispatch: Redispatch
  readonly #confirmedEnd: () => number
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined
  /** Offset of the log at which the next slice begins; undefined while the index is not reopened. */
  #at: number | undefined
  /** Records below were in the index when it was reopened. */
  #indexedEnd = 0

  constructor(parts: {
    index: IndexService
    files: FileSequence
    redispatch: Redispatch
    confirmedEnd: () => number
    clock: Clock
    log: Logger
  }) {
    this.#index = parts.index
    this.#files = parts.files
    this.#redispatch = parts.redispatch
    this.#confirmedEnd = parts.confirmedEnd
    this.#clock = parts.clock
    this.#log = parts.log
  }

  start(): void {
    this.#arm(INTERVAL_MS)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#arm(this.#step() ? PAUSE_MS : INTERVAL_MS)
    })
  }

  /** @returns whether there is more to do at once */
  #step(): boolean {
    if (this.#index.failure === undefined) return false
    try {
      this.#at ??= this.#begin()
      return this.#slice(this.#at)
    } catch (error) {
      this.#at = undefined
      this.#log.warn({ error: messageOf(error) }, 'the key index cannot catch up yet; it is tried again')
      return false
    }
  }

  #begin(): number {
    this.#index.reopen()
    this.#indexedEnd = this.#index.nextOffset
    return this.#files.startOf(this.#indexedEnd)
  }

  #slice(from: number): boolean {
    const end = this.#confirmedEnd()
    // a new walk each time: the one before has read what was the end of the log then
    const walk = new LogWalk(this.#files, Math.max(from, this.#files.firstOffset))
    let count = 0
    while (walk.end < end && count < RECORDS_PER_SLICE && walk.next()) {
      const { record } = walk
      count++
      if (record.physicalOffset < this.#indexedEnd) continue
      const keys = this.#redispatch.keysOf(record)
      this.#index.putAgain(keys.hashes, 0, keys.count, record.physicalOffset, record.storeTimestampMs)
    }
    this.#at = walk.end
    if (count === RECORDS_PER_SLICE) return true
    if (walk.end < end) return this.#skipDamage(walk)
    this.#at = undefined
    this.#index.recovered()
    this.#log.info({ indexedFrom: this.#indexedEnd, end }, 'the key index has caught up with the log')
    return false
  }

  /** A damaged record long ago must not keep the index from the messages of today. */
  #skipDamage(walk: LogWalk): boolean {
    this.#log.error(
      { offset: walk.end, reason: walk.reason },
      'the log is damaged: the key index passes over the rest of the file',
    )
    this.#at = this.#files.startOf(walk.end) + this.#files.fileBytes
    return true
  }
}
