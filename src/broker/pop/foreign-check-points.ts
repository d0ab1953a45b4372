import { MqError, messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/host.ts'
import { SystemGroup } from '../../protocol/names.ts'
import { decodePopAck, decodePopCheckPoint, PopTag } from '../../protocol/pop-check-point.ts'
import type { Arrivals } from '../arrivals.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { TopicTable } from '../topic-table.ts'
import type { InFlight } from './in-flight.ts'
import type { ReviveLog, ReviveRecord } from './revive-log.ts'

/** Acknowledgements come out of RocketMQ's timer when the check point is due, and some of them a little later. */
const ACK_WAIT_MS = 3000

interface Parts {
  readonly topics: TopicTable
  readonly offsets: ConsumerOffsets
  readonly arrivals: Arrivals
  readonly inFlight: InFlight
  readonly reviveLog: ReviveLog
  readonly log: Logger
  /** Something is in flight. */
  readonly onTaken: () => void
}

/**
 * Check points that a RocketMQ broker has left in its timer, when this store was its own: they come into the revive log when they are due,
 * and are taken over from there. A store that RocketMQ has never had, has none of its topic.
 */
export class ForeignCheckPoints {
  readonly #parts: Parts
  /** Next record of each queue. */
  readonly #next = new Map<number, number>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Takes what is there, and what comes. Queue 0, which is ours too, has been read. */
  start(): void {
    const { arrivals, offsets, reviveLog, topics } = this.#parts
    const queueNums = topics.get(reviveLog.topic)?.config.readQueueNums ?? 0
    const group = queueNums > 0 ? offsets.of(SystemGroup.REVIVE, reviveLog.topic) : undefined
    for (let queueId = 0; queueId < queueNums; queueId++) {
      const queue = reviveLog.queue(queueId)
      const from = queueId === 0 ? queue.maxOffset : (group?.get(queueId) ?? -1) + 1
      this.#next.set(queueId, from)
      arrivals.follow(queue, () => this.#read(queueId))
      this.#read(queueId)
    }
  }

  #read(queueId: number): void {
    const { log, offsets, reviveLog } = this.#parts
    for (const record of reviveLog.records(this.#next.get(queueId) ?? 0, queueId)) {
      this.#next.set(queueId, record.reviveOffset + 1)
      if (!record.isFromTimer) continue
      // what is taken over is in our own records: it need not be read again
      const taken = (): void => {
        if (queueId > 0) offsets.of(SystemGroup.REVIVE, reviveLog.topic).commit(queueId, record.reviveOffset)
      }
      try {
        this.#take(record, taken)
      } catch (error) {
        if (!(error instanceof MqError)) throw error
        log.error({ queueId, error: messageOf(error) }, 'a check point of RocketMQ could not be taken over')
      }
    }
  }

  #take({ body, tag }: ReviveRecord, taken: () => void): void {
    if (tag === PopTag.CHECK_POINT) this.#takePoint(body, taken)
    else if (tag === PopTag.ACK || tag === PopTag.BATCH_ACK) this.#takeAck(body)
  }

  #takePoint(body: Buffer, taken: () => void): void {
    const { inFlight, offsets, onTaken, reviveLog } = this.#parts
    const { group, topic, queueId, ...given } = decodePopCheckPoint(body)
    const known = offsets.find(group, topic)
    const point = known && inFlight.restore(inFlight.queue(known, queueId), given, -1)
    if (!point) return
    inFlight.postpone(point, point.dueMs + ACK_WAIT_MS)
    reviveLog.putPoint(point, (isStored, reviveOffset) => {
      if (!isStored) return
      inFlight.moved(point, reviveOffset)
      taken()
    })
    onTaken()
  }

  #takeAck(body: Buffer): void {
    const { inFlight, offsets, reviveLog } = this.#parts
    const { group, popTimeMs, queueId, queueOffsets, topic } = decodePopAck(body)
    const known = offsets.find(group, topic)
    for (const offset of queueOffsets) {
      const point = inFlight.holder(known, queueId, offset)
      if (point?.popTimeMs !== popTimeMs || !point.settle(offset)) continue
      reviveLog.settle(point, offset, (isStored) => {
        if (isStored) inFlight.settled(point, offset)
        else point.reopen(offset)
      })
    }
  }
}
