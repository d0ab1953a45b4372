import type { HalfMessage } from './half-message.ts'

/** How a transaction ends: once, and for good. A parked one was given up by the broker, and can be taken up again by an admin. */
export type Ending = 'COMMITTED' | 'ROLLED_BACK' | 'PARKED'

/** What to do about the wish to end a transaction. */
export type EndDecision =
  /** It is prepared: end it, and say `ended` or `failed`. */
  | 'end'
  /** The same wish is being carried out. */
  | 'wait'
  /** It has ended like this before. */
  | 'repeat'
  /** It ends, or has ended, in another way; or so long ago that nobody knows. */
  | 'refuse'

/** What to do about a prepared transaction in a round of checks. */
export type CheckDecision = 'ask' | 'park' | 'leave'

/** When producers are asked; RocketMQ's settings of these names. */
export interface CheckRules {
  /** Time from a message's birth in which its producer is not asked. */
  readonly timeoutMs: number
  /** How often a producer is asked before the message is parked. */
  readonly checksMax: number
  /** Time after which the log may lose a message. */
  readonly reservedMs: number
}

/** Ended transactions that are remembered, so that a wish said twice is answered as the first time. */
const REMEMBERED_MAX = 65_536

interface Transaction {
  /** The newest copy. */
  half: HalfMessage
  /** What is being done: to be ended in this way, or to be copied for a check. */
  ending: Ending | undefined
  isCopied: boolean
}

/**
 * The transactions that have not ended, and how the last ones did: PREPARED, and then COMMITTED, ROLLED_BACK or PARKED, once (R15).
 * Pure: everything it knows follows from the log, which the shell tells it in the log's order.
 */
export class TransactionTable {
  /** By origin, in the order of the queue: a newer copy goes to the end. */
  readonly #prepared = new Map<number, Transaction>()
  readonly #ended = new Map<number, Ending>()

  /** Transactions that have not ended. */
  get count(): number {
    return this.#prepared.size
  }

  /** The oldest message of the half queue whose transaction has not ended. */
  get oldest(): HalfMessage | undefined {
    for (const { half } of this.#prepared.values()) return half
    return undefined
  }

  /** The newest copies of all transactions that have not ended, in the order of the queue. */
  halves(): HalfMessage[] {
    return [...this.#prepared.values()].map(({ half }) => half)
  }

  /** How a transaction has ended; undefined when it has not, or long ago. */
  endingOf(origin: number): Ending | undefined {
    return this.#ended.get(origin)
  }

  /** The newest copy of a transaction that has not ended. */
  find(origin: number): HalfMessage | undefined {
    return this.#prepared.get(origin)?.half
  }

  /**
   * The half queue has a message: a new transaction, or a copy for a check.
   * @returns the message that it takes the place of; itself when its transaction has ended already
   */
  prepared(half: HalfMessage): HalfMessage | undefined {
    if (this.#ended.has(half.origin)) return half
    const known = this.#prepared.get(half.origin)
    if (known && known.half.queueOffset >= half.queueOffset) return undefined
    this.#prepared.delete(half.origin)
    this.#prepared.set(half.origin, { half, ending: known?.ending, isCopied: false })
    return known?.half
  }

  /** A transaction goes on under another name: that of a copy which does not say what it is a copy of. @returns its newest copy */
  renamed(origin: number): HalfMessage | undefined {
    const half = this.#prepared.get(origin)?.half
    this.#prepared.delete(origin)
    return half
  }

  /** Somebody wants to end a transaction. */
  end(origin: number, ending: Ending): EndDecision {
    const transaction = this.#prepared.get(origin)
    if (!transaction) return this.#ended.get(origin) === ending ? 'repeat' : 'refuse'
    if (transaction.ending !== undefined) return transaction.ending === ending ? 'wait' : 'refuse'
    transaction.ending = ending
    return 'end'
  }

  /** The log has what ends a transaction. @returns its newest copy, unless it had ended before */
  ended(origin: number, ending: Ending): HalfMessage | undefined {
    const half = this.#prepared.get(origin)?.half
    this.#prepared.delete(origin)
    if (!this.#ended.has(origin)) this.#remember(origin, ending)
    return half
  }

  /** The log could not take what was to end a transaction: it goes on. */
  failed(origin: number): void {
    const transaction = this.#prepared.get(origin)
    if (transaction) transaction.ending = undefined
  }

  /** What a round of checks does about a transaction. `ask` wants `copying` next, `park` wants `end`. */
  check(origin: number, nowMs: number, rules: CheckRules): CheckDecision {
    const transaction = this.#prepared.get(origin)
    if (!transaction || transaction.ending !== undefined || transaction.isCopied) return 'leave'
    const { bornMs, checks, immunityMs = rules.timeoutMs, storedMs } = transaction.half
    // by the broker's clock, and from the newest copy: one that was never asked for is not given up for a producer's slow clock
    if (checks >= rules.checksMax || nowMs - storedMs > rules.reservedMs) return 'park'
    const ageMs = nowMs - bornMs
    return ageMs > immunityMs || ageMs < 0 ? 'ask' : 'leave'
  }

  /** Whether the next copy of a transaction is one that was made to ask its producer. */
  isToAsk(origin: number): boolean {
    const transaction = this.#prepared.get(origin)
    return transaction?.isCopied === true && transaction.ending === undefined
  }

  /** The producer could not be asked though the copy says so: that does not count. */
  notAsked(origin: number): void {
    const transaction = this.#prepared.get(origin)
    if (transaction) transaction.half = { ...transaction.half, checks: transaction.half.checks - 1 }
  }

  /** A copy for a check is on its way into the log. */
  copying(origin: number): void {
    const transaction = this.#prepared.get(origin)
    if (transaction) transaction.isCopied = true
  }

  /** The log could not take the copy. */
  copyFailed(origin: number): void {
    const transaction = this.#prepared.get(origin)
    if (transaction) transaction.isCopied = false
  }

  #remember(origin: number, ending: Ending): void {
    this.#ended.set(origin, ending)
    if (this.#ended.size <= REMEMBERED_MAX) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }
}
