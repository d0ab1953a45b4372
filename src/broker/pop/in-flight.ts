import type { QueueOffsets } from '../consumer-offsets.ts'
import { CheckPoint } from './check-point.ts'
import { DueTicks } from './due-ticks.ts'
import { PopQueue, type Taken } from './pop-queue.ts'

/** Messages fall due to this precision. */
export const DUE_TICK_MS = 100

interface Recorded {
  readonly point: CheckPoint
  readonly reviveOffset: number
}

/**
 * Popped messages of all groups: who holds what, and until when (RocketMQ's check points and its reviver, without
 * scans). Pure: time comes with calls, and what is to be done is returned.
 */
export class InFlight {
  readonly #queues = new Map<QueueOffsets, Map<number, PopQueue>>()
  readonly #deadlines = new DueTicks<CheckPoint>(DUE_TICK_MS)
  /** In the order of the log. */
  #recorded: Recorded[] = []

  /** Whether nothing is in flight. */
  get isEmpty(): boolean {
    return this.#deadlines.count === 0
  }

  /** A queue as a group pops from it. */
  queue(offsets: QueueOffsets, queueId: number): PopQueue {
    const queues = this.#queues.get(offsets) ?? new Map<number, PopQueue>()
    this.#queues.set(offsets, queues)
    const queue = queues.get(queueId) ?? new PopQueue(offsets, queueId)
    queues.set(queueId, queue)
    return queue
  }

  /** The check point under which a group holds a message, and that is open. */
  holder(offsets: QueueOffsets | undefined, queueId: number, queueOffset: number): CheckPoint | undefined {
    const point = offsets && this.#queues.get(offsets)?.get(queueId)?.holders.get(queueOffset)
    return point?.isOpen(queueOffset) ? point : undefined
  }

  /** Messages of a queue that a group holds. */
  heldCount(offsets: QueueOffsets, queueId: number): number {
    return this.#queues.get(offsets)?.get(queueId)?.holders.size ?? 0
  }

  /** Takes messages out of sight; `recorded` or `refused` follows. */
  take(queue: PopQueue, taken: Taken): CheckPoint {
    const point = queue.take(taken)
    this.#deadlines.add(point, point.dueMs)
    return point
  }

  /** The log has the check point of a pop. */
  recorded(point: CheckPoint, reviveOffset: number): void {
    this.#note(point, reviveOffset)
    point.queue.recorded(point)
  }

  /** The log has refused it: its messages are there again. */
  refused(point: CheckPoint): void {
    for (const gone of point.queue.refused(point)) this.#deadlines.delete(gone)
  }

  /**
   * The log has a check point by which a holder gets more time, or less.
   * @returns false when the message was settled in the meantime: it is settled here too, and the log has to be told
   */
  change(point: CheckPoint, queueOffset: number, reviveOffset: number): boolean {
    const isOpen = point.queue.holders.get(queueOffset)?.isOpen(queueOffset) === true
    if (!isOpen) point.settle(queueOffset)
    this.#takeOver(point, reviveOffset)
    return isOpen
  }

  /**
   * Reads a check point from the log, after a start. What lies at or above the group's offset was not handed out: the offset moves before
   * an answer leaves.
   * @returns undefined when nothing of it was
   */
  restore(queue: PopQueue, given: Omit<Taken, 'nextOffset'>, reviveOffset: number): CheckPoint | undefined {
    const committed = queue.position ?? 0
    const queueOffsets = given.queueOffsets.filter((offset) => offset < committed)
    if (queueOffsets.length === 0) return undefined
    const point = new CheckPoint(queue, { ...given, queueOffsets })
    this.#takeOver(point, reviveOffset)
    return point
  }

  /** Reads from the log, after a start, that a message of a pop is settled. */
  restoreSettled(queue: PopQueue, queueOffset: number, popTimeMs: number): void {
    const point = queue.holders.get(queueOffset)
    if (point?.popTimeMs === popTimeMs) this.settled(point, queueOffset)
  }

  /** The log says that the message is settled. */
  settled(point: CheckPoint, queueOffset: number): void {
    point.record(queueOffset)
    const { holders } = point.queue
    if (holders.get(queueOffset) === point) holders.delete(queueOffset)
    if (point.isClosed) this.#deadlines.delete(point)
  }

  /** The log has the record of a check point at a new place. */
  moved(point: CheckPoint, reviveOffset: number): void {
    if (!point.isClosed) this.#note(point, reviveOffset)
  }

  /** Check points whose time is up; the caller delivers what is open in them again, or postpones them. */
  due(nowMs: number): CheckPoint[] {
    return this.#deadlines.due(nowMs).filter(({ openCount }) => openCount > 0)
  }

  /** What is open in the check point is to be looked at again then. */
  postpone(point: CheckPoint, untilMs: number): void {
    if (!point.isClosed) this.#deadlines.add(point, untilMs)
  }

  /** A group begins again at an offset: what it holds from there on counts no longer. */
  reset(queue: PopQueue, offset: number): void {
    for (const [held, point] of [...queue.holders]) if (held >= offset) this.settled(point, held)
    queue.moveTo(offset)
  }

  /** Lets go of queues of groups and topics that were deleted. */
  forgetDeleted(): void {
    for (const [offsets, queues] of this.#queues) {
      if (!offsets.isDeleted) continue
      this.#queues.delete(offsets)
      for (const queue of queues.values()) {
        for (const [held, point] of [...queue.holders]) this.settled(point, held)
      }
    }
  }

  /** The oldest check point that the revive log is needed for; undefined when there is none. */
  get oldest(): CheckPoint | undefined {
    const first = this.#recorded.findIndex(({ point, reviveOffset }) => isNeeded(point, reviveOffset))
    this.#recorded = first < 0 ? [] : this.#recorded.slice(first)
    return this.#recorded[0]?.point
  }

  /**
   * Check points that the revive log is needed for, and whose records stand before an offset of it, oldest first; without those whose
   * messages are being settled or changed: their record may not come behind the word of that.
   */
  olderThan(reviveOffset: number, countMax: number): CheckPoint[] {
    const older: CheckPoint[] = []
    for (const each of this.#recorded) {
      if (each.reviveOffset >= reviveOffset || older.length >= countMax) break
      if (isNeeded(each.point, each.reviveOffset) && !each.point.isPending) older.push(each.point)
    }
    return older
  }

  /** All check points that hold something. */
  points(): Set<CheckPoint> {
    return new Set(
      this.#recorded.filter((each) => isNeeded(each.point, each.reviveOffset)).map(({ point }) => point),
    )
  }

  /** Who held the messages until now holds them no longer, without a word in the log: the newer check point says it. */
  #takeOver(point: CheckPoint, reviveOffset: number): void {
    const { holders } = point.queue
    for (const offset of point.queueOffsets) {
      const before = holders.get(offset)
      if (before) this.settled(before, offset)
      holders.set(offset, point)
    }
    this.#note(point, reviveOffset)
    this.#deadlines.add(point, point.dueMs)
  }

  #note(point: CheckPoint, reviveOffset: number): void {
    point.reviveOffset = reviveOffset
    this.#recorded.push({ point, reviveOffset })
  }
}

function isNeeded(point: CheckPoint, reviveOffset: number): boolean {
  return !point.isClosed && point.reviveOffset === reviveOffset
}
