import type { PopCheckPoint } from '../../protocol/pop-check-point.ts'
import type { QueueOffsets } from '../consumer-offsets.ts'

/** What has become of a message of a check point: nothing yet, settled in memory, settled in the log as well. */
const [OPEN, SETTLED, RECORDED] = [0, 1, 2]

/** The queue of a check point, as its group pops from it. */
export interface PopPlace {
  readonly offsets: QueueOffsets
  readonly group: string
  readonly topic: string
  readonly queueId: number
  /** The check point that holds a message, by queue offset. */
  readonly holders: Map<number, CheckPoint>
  /** The log has the check point. */
  recorded(point: CheckPoint): void
  /**
   * The log has refused the check point, and all behind it in the same write: their messages are there again.
   * @returns the check points that are no more
   */
  refused(point: CheckPoint): CheckPoint[]
}

/**
 * Messages that one pop took from one queue, out of sight of others for a time: each is acknowledged, taken over by a later check point,
 * or delivered again.
 */
export class CheckPoint implements PopCheckPoint {
  readonly queue: PopPlace
  readonly startOffset: number
  readonly queueOffsets: readonly number[]
  readonly popTimeMs: number
  readonly invisibleMs: number
  /** Later check points on their way to the log that take messages over from this one. */
  changeCount = 0
  /** Offset of its record in the revive log; -1 until it is stored. */
  reviveOffset = -1
  readonly #states: Uint8Array
  #openCount: number
  #unrecordedCount: number

  constructor(
    queue: PopPlace,
    taken: Pick<PopCheckPoint, 'startOffset' | 'queueOffsets' | 'popTimeMs' | 'invisibleMs'>,
  ) {
    this.queue = queue
    this.startOffset = taken.startOffset
    this.queueOffsets = taken.queueOffsets
    this.popTimeMs = taken.popTimeMs
    this.invisibleMs = taken.invisibleMs
    this.#states = new Uint8Array(taken.queueOffsets.length)
    this.#openCount = taken.queueOffsets.length
    this.#unrecordedCount = taken.queueOffsets.length
  }

  get group(): string {
    return this.queue.group
  }

  get topic(): string {
    return this.queue.topic
  }

  get queueId(): number {
    return this.queue.queueId
  }

  /** Wall clock at which what is open is delivered again. */
  get dueMs(): number {
    return this.popTimeMs + this.invisibleMs
  }

  /** Messages that nothing has become of yet. */
  get openCount(): number {
    return this.#openCount
  }

  /** Whether the log says of every message what has become of it. */
  get isClosed(): boolean {
    return this.#unrecordedCount === 0
  }

  /** Queue offsets of the messages that are open. */
  get openOffsets(): number[] {
    return this.queueOffsets.filter((_, index) => this.#states[index] === OPEN)
  }

  /** Whether words of its messages are on their way to the log. */
  get isPending(): boolean {
    return this.changeCount > 0 || this.#unrecordedCount > this.#openCount
  }

  isOpen(queueOffset: number): boolean {
    return this.#states[this.queueOffsets.indexOf(queueOffset)] === OPEN
  }

  /** @returns false when it was not open */
  settle(queueOffset: number): boolean {
    const index = this.queueOffsets.indexOf(queueOffset)
    if (this.#states[index] !== OPEN) return false
    this.#states[index] = SETTLED
    this.#openCount--
    return true
  }

  /** The log did not take the word: the message is open again. */
  reopen(queueOffset: number): void {
    const index = this.queueOffsets.indexOf(queueOffset)
    if (this.#states[index] !== SETTLED) return
    this.#states[index] = OPEN
    this.#openCount++
  }

  /** The log says that the message is settled. */
  record(queueOffset: number): void {
    const index = this.queueOffsets.indexOf(queueOffset)
    const state = this.#states[index]
    if (state === undefined || state === RECORDED) return
    if (state === OPEN) this.#openCount--
    this.#states[index] = RECORDED
    this.#unrecordedCount--
  }
}
