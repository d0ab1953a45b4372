import type { QueueOffsets } from '../consumer-offsets.ts'
import { CheckPoint, type PopPlace } from './check-point.ts'

/** What a pop found in a queue. */
export interface Taken {
  /** Where the read began. */
  readonly startOffset: number
  /** Behind the last entry that was looked at. */
  readonly nextOffset: number
  readonly queueOffsets: readonly number[]
  readonly popTimeMs: number
  readonly invisibleMs: number
}

interface Unrecorded {
  readonly point: CheckPoint
  readonly startOffset: number
}

/**
 * One queue as one group pops from it: where the next pop begins, and who has what. The group's offset moves with the pops, as far as
 * their check points are in the log: what lies below is in the log's hands, what lies above is popped again after a crash.
 */
export class PopQueue implements PopPlace {
  readonly offsets: QueueOffsets
  readonly queueId: number
  readonly holders = new Map<number, CheckPoint>()
  #next: number | undefined
  /** The group's offset as this queue knows it: another value was set by somebody else. */
  #committed: number | undefined
  /** Check points that the log does not have yet, oldest first. */
  #unrecorded: Unrecorded[] = []

  constructor(offsets: QueueOffsets, queueId: number) {
    this.offsets = offsets
    this.queueId = queueId
  }

  get group(): string {
    return this.offsets.group
  }

  get topic(): string {
    return this.offsets.topic
  }

  /** Where the next pop begins; undefined when the group has never been here. Follows offsets that others commit. */
  get position(): number | undefined {
    const committed = this.offsets.get(this.queueId)
    if (committed !== this.#committed && this.#unrecorded.length === 0) {
      this.#next = committed
      this.#committed = committed
    }
    return this.#next
  }

  /** The next pop begins there: what lies between has passed no filter, or is not there. */
  moveTo(offset: number): void {
    this.#next = offset
    this.#commit()
  }

  /** Takes messages out of sight; `recorded` or `refused` follows. */
  take(taken: Taken): CheckPoint {
    const point = new CheckPoint(this, taken)
    for (const offset of taken.queueOffsets) this.holders.set(offset, point)
    this.#unrecorded.push({ point, startOffset: taken.startOffset })
    this.#next = taken.nextOffset
    return point
  }

  recorded(point: CheckPoint): void {
    this.#unrecorded = this.#unrecorded.filter((each) => each.point !== point)
    this.#commit()
  }

  refused(point: CheckPoint): CheckPoint[] {
    const index = this.#unrecorded.findIndex((each) => each.point === point)
    if (index < 0) return []
    const gone = this.#unrecorded.splice(index)
    for (const each of gone) this.release(each.point)
    this.#next = point.startOffset
    return gone.map((each) => each.point)
  }

  /** Nobody holds the messages of this check point any longer. */
  release(point: CheckPoint): void {
    for (const offset of point.queueOffsets) {
      if (this.holders.get(offset) === point) this.holders.delete(offset)
      point.record(offset)
    }
  }

  #commit(): void {
    const offset = this.#unrecorded[0]?.startOffset ?? this.#next
    if (offset === undefined) return
    this.#committed = offset
    this.offsets.commit(this.queueId, offset)
  }
}
