import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Logger, Timer } from '../base/host.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import type { ConsumeQueue } from '../store/consume-queue.ts'
import { FoundRecords } from '../store/found-records.ts'
import type { MessageReader } from '../store/message-reader.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../store/pending-appends.ts'
import type { BrokerCounters } from './broker-counters.ts'
import type { BrokerStats } from './broker-stats.ts'
import { DelayProgress } from './delay-progress.ts'
import type { MessageCopier } from './message-copier.ts'

/** Copies under way at once, and bytes of theirs; the first always fits. */
const IN_FLIGHT_MAX = 8192
const IN_FLIGHT_BYTES_MAX = 16 * 1024 * 1024

/** Copies made in one turn, and bytes of theirs: others have their turns in between. */
const TURN_COUNT_MAX = 1024
const TURN_BYTES_MAX = 1024 * 1024

/** After a copy was refused, it is tried again this much later. */
const RETRY_INTERVAL_MS = 1000

/**
 * After a delivery, what falls due later waits so long that the broker wakes up for several at once: one wake-up for each would cost more
 * than all else that a delayed message takes. RocketMQ looks every 100 ms.
 */
const DELIVERY_TICK_MS = 12

/** Of this age a delivery is old enough for what is due to go along with messages that arrive, which have the broker awake already. */
const ARRIVAL_TICK_MS = 10

/** A wall clock that jumps is noticed after this long at the latest. */
const SLEEP_MS_MAX = 1000

/** The delayed messages of one level, delivered in the order in which they fall due. */
export class DelayLevelQueue implements AppendWaiter {
  readonly level: number
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #copier: MessageCopier
  readonly #counters: BrokerCounters
  readonly #stats: BrokerStats
  readonly #queue: ConsumeQueue
  readonly #reader: MessageReader
  readonly #onDelivered: (next: number) => void
  readonly #found = new FoundRecords()
  readonly #properties = new PropertyScan()
  readonly #progress: DelayProgress
  #timer: Timer | undefined
  /** Bytes of the copies under way, by entry modulo `IN_FLIGHT_MAX`, and of all together. */
  readonly #bytesInFlight = new Int32Array(IN_FLIGHT_MAX)
  #bytesInFlightSum = 0
  /** Monotonic time of the last delivery, and of when it next has one to make. */
  #copiedMs = Number.NEGATIVE_INFINITY
  #dueMs = Number.POSITIVE_INFINITY
  /** How long the first entry that is not due yet has to wait, as of the last look; undefined where all are due. */
  #waitMs: number | undefined
  #isLoading = false
  #isStopped = false
  #isBlocked = false
  #isGoingOn = false
  /** Whether more is due than may be under way. */
  #isFull = false
  /** Whether the next read takes one record: among those of the last was one that is damaged. */
  #isCareful = false

  constructor(parts: {
    store: MessageStore
    clock: Clock
    log: Logger
    copier: MessageCopier
    counters: BrokerCounters
    stats: BrokerStats
    level: number
    queue: ConsumeQueue
    next: number
    onDelivered: (next: number) => void
  }) {
    this.level = parts.level
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
    this.#copier = parts.copier
    this.#counters = parts.counters
    this.#stats = parts.stats
    this.#queue = parts.queue
    this.#reader = parts.store.makeReader(TURN_COUNT_MAX)
    this.#onDelivered = parts.onDelivered
    this.#progress = new DelayProgress(parts.next)
  }

  /** Entry that is to be delivered next. */
  get next(): number {
    return this.#progress.delivered
  }

  get end(): number {
    return this.#queue.maxOffset
  }

  /** Messages have arrived: behind those it already sleeps for, if it does. */
  arrived(): void {
    if (this.#timer === undefined || this.#clock.monoMs() >= this.#dueMs) this.run()
  }

  /** Copies what is due, and sleeps until the next is. */
  run(): void {
    if (this.#isStopped || this.#isLoading || this.#isBlocked) return
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      this.#copyDue()
    } catch (error) {
      this.#pause(error)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** A copy is stored, or was refused; copies are answered in order. */
  appended(outcome: AppendOutcome, token: number): void {
    this.#bytesInFlightSum -= this.#bytesInFlight[token % IN_FLIGHT_MAX] as number
    if (outcome === 'notWritable') {
      this.#progress.refused(token)
      if (!this.#isBlocked)
        this.#pause(new MqError('notWritable', this.#store.refusal ?? 'the log cannot be written'))
      return
    }
    this.#progress.stored(token)
    this.#onDelivered(this.#progress.delivered)
    if (this.#isFull && this.#progress.openCount <= IN_FLIGHT_MAX / 2) this.#goOn()
  }

  #copyDue(): void {
    const { minOffset, maxOffset } = this.#queue
    // entries whose records have expired can be delivered no more
    const progress = this.#progress
    if (progress.next < minOffset && progress.skipTo(minOffset)) this.#onDelivered(minOffset)
    this.#isFull = progress.openCount >= IN_FLIGHT_MAX || this.#bytesInFlightSum >= IN_FLIGHT_BYTES_MAX
    if (progress.next >= maxOffset || this.#isFull) return
    const dueCount = this.#dueCount(maxOffset)
    if (dueCount > 0) this.#copyNext(dueCount)
    else if (this.#waitMs !== undefined) this.#sleep(this.#waitMs)
  }

  #copyNext(dueCount: number): void {
    const progress = this.#progress
    const dueEnd = progress.next + dueCount
    const countMax = this.#isCareful ? 1 : dueCount
    const request = { queueOffset: progress.next, countMax, bytesMax: TURN_BYTES_MAX, filter: undefined }
    const status = this.#reader.read(this.#queue, request)
    if (status === 'loading') this.#load(() => this.#reader.load())
    else if (status === 'FOUND') {
      this.#copyFound()
      if (this.#waitMs !== undefined && progress.next === dueEnd) this.#sleep(this.#waitMs)
      else if (progress.next < this.#queue.maxOffset) this.#goOn()
    } else if (status === 'NO_MATCHED_MESSAGE') this.#passOver(this.#reader.nextBeginOffset)
  }

  /** Leaves out entries whose records the log has lost (`acceptHole`). */
  #passOver(end: number): void {
    const before = this.#progress.delivered
    while (this.#progress.next < end) this.#progress.pass(this.#progress.next)
    if (this.#progress.delivered > before) this.#onDelivered(this.#progress.delivered)
    this.#goOn()
  }

  /** Runs again when this turn is over. */
  #goOn(): void {
    if (this.#isGoingOn) return
    this.#isGoingOn = true
    this.#clock.endOfTurn(() => {
      this.#isGoingOn = false
      this.run()
    })
  }

  /** How many entries from the next one on are due, and how long the first that is not has to wait; what is missing is loaded. */
  #dueCount(maxOffset: number): number {
    const { queues } = this.#store
    const { next, openCount } = this.#progress
    this.#waitMs = undefined
    if (!queues.find(this.#queue, next)) {
      this.#load(() => queues.load(this.#queue, next))
      return 0
    }
    const room = Math.min(TURN_COUNT_MAX, IN_FLIGHT_MAX - openCount)
    const count = Math.min(queues.foundCount, maxOffset - next, room)
    // a copy is stamped with the time at which the turn began: it must not read as if it had come early
    const nowMs = Math.min(this.#clock.nowMs(), this.#store.nextStoreTimestampMs)
    const delayMs = this.#store.delayLevels.delayMs(this.level)
    let due = 0
    while (due < count) {
      const dueMs = queues.foundTagsCode(due)
      // the message came within the millisecond from which its delay counts: it has waited as long when that of `dueMs` is over.
      // An entry beyond the level's delay was written under other settings, or the clock has been set back: it is due now
      if (dueMs >= nowMs && dueMs <= nowMs + delayMs) {
        this.#waitMs = dueMs + 1 - nowMs
        break
      }
      due++
    }
    return due
  }

  #copyFound(): void {
    this.#copiedMs = this.#clock.monoMs()
    const found = this.#found
    found.copy(this.#reader.slices)
    let kind = found.next()
    for (; kind === 'message'; kind = found.next()) this.#copy(found.record)
    if (kind === 'damaged') this.#damaged(found.record.reason)
    else this.#isCareful = false
  }

  /** The record at the next entry cannot be read. What it says of its place counts for nothing, so it is read alone first. */
  #damaged(reason: string): void {
    if (this.#isCareful) {
      this.#park({ queueOffset: this.#progress.next }, `its record is damaged: ${reason}`)
      this.#passOver(this.#reader.nextBeginOffset)
    }
    this.#isCareful = !this.#isCareful
  }

  #copy(record: RecordScan): void {
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    const topic = this.#properties.optionalText(PropertyName.REAL_TOPIC)
    const queueId = Number(this.#properties.optionalText(PropertyName.REAL_QID) ?? Number.NaN)
    if (topic === undefined || !Number.isInteger(queueId) || queueId < 0) {
      this.#park(record, 'it does not say where it goes')
      return
    }
    const changes = {
      topic: this.#store.topic(topic),
      queueId,
      // see DelaySchedule: by this a restart knows that the record has been delivered
      preparedTransactionOffset: record.physicalOffset + 1,
      transaction: 0,
    }
    try {
      this.#copier.copy(record, changes, this, record.queueOffset)
      this.#stats.delivered(topic, queueId, record.bytes)
      this.#stats.cameDue(this.level, record.bytes)
      this.#bytesInFlight[record.queueOffset % IN_FLIGHT_MAX] = record.bytes
      this.#bytesInFlightSum += record.bytes
      this.#progress.copied(record.queueOffset)
    } catch (error) {
      if (!(error instanceof MqError) || error.kind !== 'messageIllegal') throw error
      this.#park(record, error.message)
    }
  }

  /** One that can never be delivered does not hold up those behind it (R14, issue apache/rocketmq#4226). */
  #park(
    { queueOffset, physicalOffset }: { readonly queueOffset: number; readonly physicalOffset?: number },
    reason: string,
  ): void {
    this.#counters.passedOver++
    this.#log.error(
      { level: this.level, queueOffset, physicalOffset, reason },
      'a delayed message cannot be delivered: it is passed over',
    )
    if (this.#progress.pass(queueOffset)) this.#onDelivered(this.#progress.delivered)
  }

  #load(load: () => Promise<void>): void {
    this.#isLoading = true
    load().then(
      () => {
        this.#isLoading = false
        this.run()
      },
      (error) => {
        this.#isLoading = false
        this.#pause(error)
      },
    )
  }

  #pause(error: unknown): void {
    this.#log.warn(
      { level: this.level, error: messageOf(error) },
      'delayed messages wait: they are tried again',
    )
    this.#isBlocked = true
    this.#timer?.cancel()
    if (this.#isStopped) return
    this.#timer = this.#clock.after(RETRY_INTERVAL_MS, () => {
      this.#isBlocked = false
      this.run()
    })
  }

  #sleep(ms: number): void {
    if (this.#isStopped) return
    const monoMs = this.#clock.monoMs()
    this.#dueMs = Math.max(monoMs + ms, this.#copiedMs + ARRIVAL_TICK_MS)
    const tickMs = this.#copiedMs + DELIVERY_TICK_MS - monoMs
    this.#timer = this.#clock.after(Math.min(Math.max(ms, tickMs), SLEEP_MS_MAX), () => this.run())
  }
}
