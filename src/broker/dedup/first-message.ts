import type { Turn } from '../../base/turn.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'

/** What the answer to a message says. */
export interface Place {
  readonly queueId: number
  readonly queueOffset: number
  readonly physicalOffset: number
}

/** Where the unique key of a message stands, counted back from the end of its record, and its length. */
export interface UniqueKeyPlace {
  readonly uniqueKeyFromEnd: number
  readonly uniqueKeyBytes: number
}

/** The message that was the first with its key, for those that repeat it. */
export interface FirstMessage extends UniqueKeyPlace {
  /** Answers a repetition as the first was, or will be. @returns where the log has the first */
  repeat(waiter: AppendWaiter | undefined, token: number): number
}

/** One that the log has. */
export class StoredFirst implements FirstMessage {
  readonly uniqueKeyFromEnd: number
  readonly uniqueKeyBytes: number
  readonly #turn: Turn
  readonly #place: Place

  constructor(turn: Turn, place: Place, uniqueKey: UniqueKeyPlace) {
    this.#turn = turn
    this.#place = place
    this.uniqueKeyFromEnd = uniqueKey.uniqueKeyFromEnd
    this.uniqueKeyBytes = uniqueKey.uniqueKeyBytes
  }

  repeat(waiter: AppendWaiter | undefined, token: number): number {
    const { physicalOffset } = this.#place
    // not at once: who sends expects to hear of it later
    if (waiter) this.#turn.atWork(() => answer(waiter, token, 'stored', this.#place))
    return physicalOffset
  }
}

/** One that is on its way into the log; also the waiter that hears of it, for itself and its repetitions. */
export class FirstUnderWay implements FirstMessage, AppendWaiter {
  readonly scope: string
  readonly uniqueKeyFromEnd: number
  readonly uniqueKeyBytes: number
  /** Where the log has it, once it was given. */
  physicalOffset = -1
  readonly #turn: Turn
  readonly #queueId: number
  readonly #onEnd: (first: FirstUnderWay, isStored: boolean) => void
  readonly #waiting: { readonly waiter: AppendWaiter; readonly token: number }[] = []
  #answered: { readonly outcome: AppendOutcome; readonly place: Place } | undefined

  constructor(parts: {
    scope: string
    turn: Turn
    /** The queue that it was sent to, whatever becomes of it first. */
    queueId: number
    uniqueKeyFromEnd: number
    uniqueKeyBytes: number
    onEnd: (first: FirstUnderWay, isStored: boolean) => void
  }) {
    this.scope = parts.scope
    this.uniqueKeyFromEnd = parts.uniqueKeyFromEnd
    this.uniqueKeyBytes = parts.uniqueKeyBytes
    this.#turn = parts.turn
    this.#queueId = parts.queueId
    this.#onEnd = parts.onEnd
  }

  repeat(waiter: AppendWaiter | undefined, token: number): number {
    const answered = this.#answered
    if (waiter && answered) this.#turn.atWork(() => answer(waiter, token, answered.outcome, answered.place))
    else if (waiter) this.#waiting.push({ waiter, token })
    return this.physicalOffset
  }

  appended(
    outcome: AppendOutcome,
    _token: number,
    _queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    const place = { queueId: this.#queueId, queueOffset, physicalOffset }
    this.#answered = { outcome, place }
    this.physicalOffset = physicalOffset
    this.#onEnd(this, outcome !== 'notWritable')
    for (const { waiter, token } of this.#waiting.splice(0)) answer(waiter, token, outcome, place)
  }
}

function answer(waiter: AppendWaiter, token: number, outcome: AppendOutcome, place: Place): void {
  waiter.appended(outcome, token, place.queueId, place.queueOffset, place.physicalOffset)
}
