import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Logger } from '../../base/host.ts'
import { isDlqTopic, poppedTopicOf } from '../../protocol/names.ts'
import { PERMISSION_DEFAULT } from '../../protocol/permission.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import { FoundRecords } from '../../store/found-records.ts'
import type { MessageReader } from '../../store/message-reader.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import type { BrokerCounters } from '../broker-counters.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { BrokerStats } from '../broker-stats.ts'
import type { ConsumerOffsets, QueueOffsets } from '../consumer-offsets.ts'
import type { MessageCopier } from '../message-copier.ts'
import type { SubscriptionGroupTable } from '../subscription-group-table.ts'
import type { TopicTable } from '../topic-table.ts'
import type { CheckPoint } from './check-point.ts'
import type { InFlight } from './in-flight.ts'
import { redeliveryCopyOf } from './redelivery-copy.ts'
import type { ReviveLog } from './revive-log.ts'

/** Copies under way at once. */
const COPYING_MAX = 1024

/** After the log has refused something, it is tried again this much later. */
const RETRY_INTERVAL_MS = 1000

/** Deliveries behind the first, where the group does not say (SubscriptionGroupConfig). */
const RETRY_TIMES_DEFAULT = 16

const ONE_QUEUE = { readQueueNums: 1, writeQueueNums: 1, perm: PERMISSION_DEFAULT }

interface Parts {
  readonly settings: BrokerSettings
  readonly store: MessageStore
  readonly clock: Clock
  readonly log: Logger
  readonly topics: TopicTable
  readonly groups: SubscriptionGroupTable
  readonly copier: MessageCopier
  readonly offsets: ConsumerOffsets
  readonly stats: BrokerStats
  readonly counters: BrokerCounters
  readonly inFlight: InFlight
  readonly reviveLog: ReviveLog
  /** A check point waits to be looked at again. */
  readonly onPostponed: () => void
}

/**
 * Delivers again what was not acknowledged in time: a copy goes to the group's retry topic, or to its dead letters, and the revive
 * log is told in the same write.
 */
export class Redelivery {
  readonly #parts: Parts
  readonly #reader: MessageReader
  readonly #found = new FoundRecords()
  #points: CheckPoint[] = []
  #copyingCount = 0
  #isLoading = false
  #isStopped = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#reader = parts.store.makeReader(1)
  }

  /** Delivers what is open in these check points. */
  deliver(points: readonly CheckPoint[]): void {
    this.#points.push(...points)
    this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#points = []
  }

  #run(): void {
    let point = this.#points[0]
    while (point && !this.#isLoading && !this.#isStopped && this.#copyingCount < COPYING_MAX) {
      if (this.#deliver(point)) this.#points.shift()
      point = this.#points[0]
    }
  }

  /** @returns false when it has to wait: for the disk, or for copies under way */
  #deliver(point: CheckPoint): boolean {
    for (const offset of point.openOffsets) {
      if (this.#copyingCount >= COPYING_MAX) return false
      try {
        if (!this.#deliverOne(point, offset)) return false
      } catch (error) {
        this.#postpone(point, error)
        return true
      }
    }
    return true
  }

  /** @returns false when the message has to be read from the disk first */
  #deliverOne(point: CheckPoint, offset: number): boolean {
    const { store } = this.#parts
    const queue = store.queues.existing(point.topic, point.queueId)
    const request = { queueOffset: offset, countMax: 1, bytesMax: 1, filter: undefined }
    const status = queue && !point.queue.offsets.isDeleted ? this.#reader.read(queue, request) : undefined
    if (status === 'loading') {
      this.#load(point)
      return false
    }
    if (status === 'FOUND') this.#copy(point, offset)
    else this.#passOver(point, offset, 'it is no longer there')
    return true
  }

  /** Of the topic that the message was sent to. */
  #offsetsOf({ group, queue, topic }: CheckPoint): QueueOffsets {
    return this.#parts.offsets.find(group, poppedTopicOf(group, topic)) ?? queue.offsets
  }

  /** @throws MqError notWritable, busy */
  #copy(point: CheckPoint, offset: number): void {
    const { copier, groups, inFlight, reviveLog, settings, stats, topics } = this.#parts
    const record = this.#read()
    if (!record) {
      this.#passOver(point, offset, `its record is damaged: ${this.#found.record.reason}`)
      return
    }
    const retryMaxTimes = groups.get(point.group)?.retryMaxTimes ?? RETRY_TIMES_DEFAULT
    const { host: ip, port } = settings.storeHost
    const rules = {
      retryMaxTimes: retryMaxTimes < 0 ? RETRY_TIMES_DEFAULT : retryMaxTimes,
      isRetryTopicV2: settings.pop.enableRetryTopicV2,
      storeHost: { ip, port },
    }
    const { topic: name, changes } = redeliveryCopyOf(record, point, rules)
    const topic = topics.ensure(name, ONE_QUEUE).queues
    let isWordRefused = false
    const delivery = new Delivery(() => {
      this.#copyingCount--
      if (!delivery.isStored) this.#reopen(point, offset)
      else if (isWordRefused) owe()
      this.#run()
    })
    try {
      copier.copy(record, { ...changes, topic }, delivery, 0)
    } catch (error) {
      if (!(error instanceof MqError) || error.kind !== 'messageIllegal') throw error
      this.#passOver(point, offset, error.message)
      return
    }
    if (isDlqTopic(name)) stats.buried(this.#offsetsOf(point))
    this.#copyingCount++
    point.settle(offset)
    const told = (isStored: boolean): void => {
      if (isStored) inFlight.settled(point, offset)
      else if (delivery.isStored) owe()
      // what becomes of the copy is not known yet
      else isWordRefused = true
    }
    /** The copy is there: only the word of it is still missing. */
    const owe = (): void => this.#owe(() => reviveLog.settle(point, offset, told))
    reviveLog.settle(point, offset, told)
  }

  /** @returns undefined for a record that is damaged */
  #read(): RecordScan | undefined {
    this.#found.copy(this.#reader.slices)
    return this.#found.next() === 'message' ? this.#found.record : undefined
  }

  /** A message that cannot be delivered again does not hold up the others (R14). */
  #passOver(point: CheckPoint, offset: number, reason: string): void {
    const { counters, inFlight, log, reviveLog } = this.#parts
    const { group, queueId, topic } = point
    counters.passedOver++
    log.warn({ group, topic, queueId, offset, reason }, 'a popped message is not delivered again')
    point.settle(offset)
    reviveLog.settle(point, offset, (isStored) => {
      if (isStored) inFlight.settled(point, offset)
      else this.#reopen(point, offset)
    })
  }

  #reopen(point: CheckPoint, offset: number): void {
    const { clock, inFlight, onPostponed } = this.#parts
    point.reopen(offset)
    inFlight.postpone(point, clock.nowMs() + RETRY_INTERVAL_MS)
    onPostponed()
  }

  #owe(tell: () => void): void {
    this.#parts.clock.after(RETRY_INTERVAL_MS, () => {
      if (!this.#isStopped) tell()
    })
  }

  #postpone(point: CheckPoint, error: unknown): void {
    const { clock, inFlight, log, onPostponed } = this.#parts
    const { group, topic, queueId } = point
    log.warn({ group, topic, queueId, error: messageOf(error) }, 'popped messages wait to be delivered again')
    inFlight.postpone(point, clock.nowMs() + RETRY_INTERVAL_MS)
    onPostponed()
  }

  #load(point: CheckPoint): void {
    this.#isLoading = true
    this.#reader.load().then(
      () => {
        this.#isLoading = false
        this.#run()
      },
      (error) => {
        this.#isLoading = false
        this.#points = this.#points.filter((each) => each !== point)
        this.#postpone(point, error)
        this.#run()
      },
    )
  }
}

/** Hears whether a copy is stored. */
class Delivery implements AppendWaiter {
  isStored = false
  readonly #done: () => void

  constructor(done: () => void) {
    this.#done = done
  }

  appended(outcome: AppendOutcome): void {
    this.isStored = outcome !== 'notWritable'
    this.#done()
  }
}
