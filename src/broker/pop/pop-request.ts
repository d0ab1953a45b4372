import type { MessageFilter } from '../../store/message-reader.ts'
import type { Topic } from '../topic-table.ts'
import type { CheckPoint } from './check-point.ts'

/** A pop as a door hands it in (protocol/requests.md §3). */
export interface PopRequest {
  readonly group: string
  readonly topic: string
  /** Negative: any queue. */
  readonly queueId: number
  readonly countMax: number
  readonly invisibleMs: number
  /** Whether a group that has never been here begins at the end. */
  readonly isFromEnd: boolean
  readonly isOrdered: boolean
  /** The client's word for a pop and its repetitions. */
  readonly attemptId: string | undefined
  readonly expressionType: string
  readonly expression: string | undefined
}

/** A pop that has passed all checks. Kept while it is held. */
export interface Pop {
  readonly request: PopRequest
  readonly topic: Topic
  readonly filter: MessageFilter | undefined
}

/** One place that a pop looks into. */
export interface Place {
  readonly topic: Topic
  readonly queueId: number
}

/** What a pop found. */
export class PopResult {
  /** Wall clock. */
  readonly popTimeMs: number
  /** Messages. */
  count = 0
  /** Bytes of the messages as they are stored. */
  bytes = 0
  /** Messages that are left in the queues that were looked at. */
  restCount = 0
  /** Whether something has to be read from the disk before the pop can be answered. */
  isLoading = false
  readonly queues: PoppedQueue[] = []
  readonly bodies: Buffer[] = []
  /** They are to be recorded before the answer leaves. */
  readonly checkPoints: CheckPoint[] = []

  readonly #places: readonly Place[]
  #lookedCount = 0

  /** @param places where it looks, in this order */
  constructor(popTimeMs: number, places: readonly Place[] = []) {
    this.popTimeMs = popTimeMs
    this.#places = places
  }

  /** Whether there are places into which it has not looked. */
  get isUnfinished(): boolean {
    return this.#lookedCount < this.#places.length
  }

  /** The place to look into next; undefined behind the last. */
  nextPlace(): Place | undefined {
    return this.#places[this.#lookedCount++]
  }

  /** It looks no further. */
  leaveRest(): void {
    this.#lookedCount = this.#places.length
  }
}

/** What a pop took from one queue. */
export interface PoppedQueue {
  readonly topic: string
  readonly queueId: number
  readonly startOffset: number
  readonly queueOffsets: readonly number[]
  /** Of an ordered pop: how often a message was delivered before, where it was, by queue offset. */
  readonly consumedCounts: ReadonlyMap<number, number> | undefined
}
