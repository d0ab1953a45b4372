import type { TimerWeight } from './timer-counts.ts'
import type { TimerEntry } from './timer-entry.ts'

/** A timer that was taken from the index and is not done for certain. */
interface Flight {
  readonly entry: TimerEntry
  state: 'open' | 'failed' | 'done'
  /** Where its copy lies in the log; -1 where it needs none. */
  copyAt: number
  /** What leaves the counts with it. */
  weight: TimerWeight | undefined
}

/**
 * Timers between the index and the log, in the order in which they were taken: what is at the front says how far the timers are for
 * certain. A timer is known by its token.
 */
export class TimerFlights {
  #flights: Flight[] = []
  /** Token of the first. */
  #first = 0
  /** Bytes of the records of those that are open. */
  #bytes = 0
  #openCount = 0
  #failedCount = 0

  get openCount(): number {
    return this.#openCount
  }

  /** Whether all that were taken are done for certain. */
  get isEmpty(): boolean {
    return this.#flights.length === 0
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns its token */
  begin(entry: TimerEntry): number {
    this.#flights.push({ entry, state: 'open', copyAt: -1, weight: undefined })
    this.#openCount++
    this.#bytes += entry.bytes
    return this.#first + this.#flights.length - 1
  }

  entry(token: number): TimerEntry {
    return this.#flight(token).entry
  }

  /** Its copy is appended to the log here, and may yet fail. */
  copied(token: number, copyAt: number): void {
    this.#flight(token).copyAt = copyAt
  }

  /** What leaves the counts when it is settled. */
  weighs(token: number, weight: TimerWeight | undefined): void {
    this.#flight(token).weight = weight
  }

  /** Its copy is stored, or it needs none. */
  done(token: number): void {
    this.#end(token, 'done')
  }

  /** It has to be tried again. */
  failed(token: number): void {
    const flight = this.#flight(token)
    if (flight.state !== 'open') return
    flight.copyAt = -1
    this.#end(token, 'failed')
    this.#failedCount++
  }

  /** Those that failed, open again. */
  takeFailed(): number[] {
    const tokens: number[] = []
    if (this.#failedCount === 0) return tokens
    this.#failedCount = 0
    for (const [index, flight] of this.#flights.entries()) {
      if (flight.state !== 'failed') continue
      flight.state = 'open'
      this.#openCount++
      this.#bytes += flight.entry.bytes
      tokens.push(this.#first + index)
    }
    return tokens
  }

  /**
   * Forgets, from the front, what is done for certain: its copy lies below this offset of the log.
   * @returns what leaves the counts
   */
  settle(confirmedEnd: number): TimerWeight[] {
    const isOpen = ({ state, copyAt }: Flight): boolean => state !== 'done' || copyAt >= confirmedEnd
    const firstOpen = this.#flights.findIndex(isOpen)
    const count = firstOpen < 0 ? this.#flights.length : firstOpen
    const weights = this.#flights.slice(0, count).flatMap(({ weight }) => weight ?? [])
    this.#flights = this.#flights.slice(count)
    this.#first += count
    return weights
  }

  /** What is left of those that were taken. */
  entries(): TimerEntry[] {
    return this.#flights.map(({ entry }) => entry)
  }

  #end(token: number, state: 'done' | 'failed'): void {
    const flight = this.#flight(token)
    if (flight.state === 'open') {
      this.#openCount--
      this.#bytes -= flight.entry.bytes
    }
    flight.state = state
  }

  #flight(token: number): Flight {
    return this.#flights[token - this.#first] as Flight
  }
}
