import { MqError } from '../../base/errors.ts'
import { javaHashCode } from '../../protocol/java-hash.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { reviveTopicOf } from '../../protocol/names.ts'
import { encodePopAck, encodePopCheckPoint, PopTag } from '../../protocol/pop-check-point.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import type { ConsumeQueue } from '../../store/consume-queue.ts'
import { MessageDraft } from '../../store/message-draft.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome } from '../../store/pending-appends.ts'
import type { CheckPoint } from './check-point.ts'

/** Hears whether the log has taken something. */
export type Recorded = (isStored: boolean, reviveOffset: number) => void

/** A record of the revive log. */
export interface ReviveRecord {
  readonly tag: string
  readonly body: Buffer
  readonly reviveOffset: number
  /** Where the log has it. */
  readonly physicalOffset: number
  /** Whether it has come through a timer: a RocketMQ broker has written it. */
  readonly isFromTimer: boolean
}

interface Settling {
  readonly queueOffset: number
  readonly done: Recorded
}

/**
 * The log of who holds which popped message: the topic that RocketMQ keeps its check points and acknowledgements in, in RocketMQ's form.
 * RocketMQ sends them through its timer and reads them when they are due; here they are in the topic at once, and read after a start.
 */
export class ReviveLog {
  readonly topic: string
  readonly #store: MessageStore
  readonly #storeHost: Buffer
  readonly #brokerName: string
  readonly #atWork: (callback: () => void) => void
  readonly #draft = new MessageDraft()
  /** What this turn settles. */
  #settling = new Map<CheckPoint, Settling[]>()

  /** @param parts.atWork see `Turn.atWork` */
  constructor(parts: {
    store: MessageStore
    storeHost: Buffer
    brokerName: string
    brokerClusterName: string
    atWork: (callback: () => void) => void
  }) {
    this.topic = reviveTopicOf(parts.brokerClusterName)
    this.#store = parts.store
    this.#storeHost = parts.storeHost
    this.#brokerName = parts.brokerName
    this.#atWork = parts.atWork
  }

  /** The queue of the log; undefined before the first pop. */
  get existing(): ConsumeQueue | undefined {
    return this.#store.queues.existing(this.topic, 0)
  }

  /** Records a check point; of one that the log has already, what is open. @throws MqError notWritable, busy */
  putPoint(point: CheckPoint, done: Recorded): void {
    const { invisibleMs, openOffsets: queueOffsets } = point
    const body = encodePopCheckPoint({ ...placeOf(point), queueOffsets, invisibleMs }, this.#brokerName)
    this.#append({ tag: PopTag.CHECK_POINT, body, dueMs: point.dueMs }, done)
  }

  /** Records that a message is settled, with all that are in this turn. */
  settle(point: CheckPoint, queueOffset: number, done: Recorded): void {
    if (this.#settling.size === 0) this.#atWork(this.#putSettled)
    const settling = this.#settling.get(point)
    if (settling) settling.push({ queueOffset, done })
    else this.#settling.set(point, [{ queueOffset, done }])
  }

  /** A queue of the log; all but the first are RocketMQ's. */
  queue(queueId: number): ConsumeQueue {
    return this.#store.queues.queue(this.#store.topic(this.topic), queueId)
  }

  /** All records of a queue from an offset on, read on the event loop. */
  *records(from: number, queueId = 0): Generator<ReviveRecord> {
    const queue = this.#store.queues.existing(this.topic, queueId)
    const scan = new RecordScan()
    const properties = new PropertyScan()
    for (let offset = Math.max(from, queue?.minOffset ?? 0); queue && offset < queue.maxOffset; offset++) {
      const entry = queue.entrySync(offset)
      const record = entry && this.#store.recordAt(entry.physicalOffset)
      if (!record || scan.read(record, 0, record.length, entry.physicalOffset) !== 'message') continue
      properties.read(record, scan.propertiesAt, scan.propertiesEnd)
      yield {
        tag: properties.optionalText(PropertyName.TAGS) ?? '',
        body: record.subarray(scan.bodyAt, scan.bodyEnd),
        reviveOffset: offset,
        physicalOffset: entry.physicalOffset,
        isFromTimer: properties.find(PropertyName.REAL_TOPIC) >= 0,
      }
    }
  }

  readonly #putSettled = (): void => {
    const settling = this.#settling
    this.#settling = new Map()
    for (const [point, settled] of settling) {
      const told: Recorded = (isStored, reviveOffset) => {
        for (const { done } of settled) done(isStored, reviveOffset)
      }
      const queueOffsets = settled.map(({ queueOffset }) => queueOffset)
      const body = encodePopAck({ ...placeOf(point), queueOffsets }, this.#brokerName)
      const tag = queueOffsets.length > 1 ? PopTag.BATCH_ACK : PopTag.ACK
      try {
        this.#append({ tag, body, dueMs: point.dueMs }, told)
      } catch (error) {
        if (!(error instanceof MqError)) throw error
        told(false, -1)
      }
    }
  }

  #append(record: { tag: string; body: Buffer; dueMs: number }, done: Recorded): void {
    const { tag, body, dueMs } = record
    const draft = this.#draft
    draft.queue = this.queue(0)
    draft.topic = this.#store.topic(this.topic).topicBytes
    draft.bornTimestampMs = this.#store.nextStoreTimestampMs
    draft.bornHost = this.#storeHost
    draft.storeHost = this.#storeHost
    draft.body = body
    draft.bodyEnd = body.length
    // the time is for a RocketMQ broker that goes on with this store
    draft.properties = Buffer.from(
      `${PropertyName.TAGS}\u0001${tag}\u0002${PropertyName.TIMER_DELIVER_MS}\u0001${dueMs}\u0002`,
    )
    draft.propertiesEnd = draft.properties.length
    draft.tagsCode = javaHashCode(tag)
    this.#store.append(draft, new RecordWaiter(done), 0)
  }
}

class RecordWaiter {
  readonly #done: Recorded

  constructor(done: Recorded) {
    this.#done = done
  }

  appended(outcome: AppendOutcome, _token: number, _queueId: number, queueOffset: number): void {
    this.#done(outcome !== 'notWritable', queueOffset)
  }
}

function placeOf(point: CheckPoint) {
  const { group, popTimeMs, queueId, startOffset, topic } = point
  return { group, topic, queueId, startOffset, popTimeMs }
}
