import { MqError } from '../../base/errors.ts'
import type { Clock, Logger } from '../../base/host.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendWaiter } from '../../store/pending-appends.ts'
import type { BrokerCounters } from '../broker-counters.ts'
import type { BrokerStats } from '../broker-stats.ts'
import type { CopyChanges, MessageCopier } from '../message-copier.ts'
import type { TimerWeight } from './timer-counts.ts'
import { type TimerEntry, TimerKind } from './timer-entry.ts'
import { TIMER_PRECISION_MS, timerDeleteKey, timerWeightOf } from './timer-message.ts'

/** Names of deleted messages are kept for as long as this, whatever their time. */
const DELETED_MS_MIN = 60_000

/** The property of a message that deletes another. */
const DELETES = PropertyName.TIMER_DEL_UNIQKEY

/** What is done with a timer message that is due: copied to its topic, stored again, left out, or used to leave others out. */
export class TimerDelivery {
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #copier: MessageCopier
  readonly #counters: BrokerCounters
  readonly #stats: BrokerStats
  readonly #waiter: AppendWaiter
  readonly #record = new RecordScan()
  readonly #properties = new PropertyScan()
  /** Records that were not in memory, by offset in the log. */
  readonly #loaded = new Map<number, Buffer>()
  /** What leaves the counts with the message of the last `deliver`; undefined where a recall has seen to it. */
  weight: TimerWeight | undefined
  /** Names of messages that are not to be delivered, by their TIMER_OUT_MS. */
  readonly #deleted = new Map<number, Set<string>>()
  /** Monotonic time at which the last name of each was added. */
  readonly #deletedMs = new Map<number, number>()

  constructor(parts: {
    store: MessageStore
    clock: Clock
    log: Logger
    copier: MessageCopier
    counters: BrokerCounters
    stats: BrokerStats
    /** Hears of the copies, by the token that they were given. */
    waiter: AppendWaiter
  }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
    this.#copier = parts.copier
    this.#counters = parts.counters
    this.#stats = parts.stats
    this.#waiter = parts.waiter
  }

  /** Names of messages that are not to be delivered and whose time has not passed. */
  get deleted(): [number, string[]][] {
    return [...this.#deleted].map(([outMs, keys]) => [outMs, [...keys]])
  }

  /** Takes up such names from a snapshot. */
  deletedBefore(deleted: Iterable<readonly [number, readonly string[]]>): void {
    for (const [outMs, keys] of deleted) for (const key of keys) this.#addDeleted(outMs, key)
  }

  /** Whether the message can be delivered without the disk. */
  has({ physicalOffset, bytes }: TimerEntry): boolean {
    return this.#store.recordInMemory(physicalOffset, bytes) !== undefined || this.#loaded.has(physicalOffset)
  }

  /** Brings messages into memory for `deliver`. @throws the disk's error */
  async load(entries: readonly TimerEntry[]): Promise<void> {
    const load = async ({ physicalOffset, bytes }: TimerEntry): Promise<void> => {
      const record = await this.#store.loadRecord(physicalOffset, bytes)
      if (record) this.#loaded.set(physicalOffset, record)
    }
    await Promise.all(entries.map(load))
  }

  /**
   * Does what is due.
   * @returns where the copy lies in the log; undefined when there is none to wait for
   * @throws MqError notWritable, busy
   */
  deliver(entry: TimerEntry, token: number): number | undefined {
    const { physicalOffset } = entry
    this.weight = undefined
    const bytes =
      this.#store.recordInMemory(physicalOffset, entry.bytes) ??
      this.#loaded.get(physicalOffset) ??
      this.#store.recordAt(physicalOffset)
    const record = this.#record
    const isThere = bytes && record.read(bytes, 0, bytes.length, physicalOffset) === 'message'
    if (!isThere) return this.#park(entry, 'its record has expired')
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    const outMs = Number(this.#properties.optionalText(PropertyName.TIMER_OUT_MS))
    if (this.#noteDeletion(entry.kind, outMs)) {
      this.#loaded.delete(physicalOffset)
      return undefined
    }
    const changes = entry.kind === TimerKind.ROLL ? this.#rollChanges() : this.#deliverChanges(outMs)
    if (changes === 'deleted') {
      this.#loaded.delete(physicalOffset)
      return undefined
    }
    this.weight = timerWeightOf(this.#properties)
    if (!changes) return this.#park(entry, 'it does not say where it goes')
    try {
      const copyAt = this.#copier.copy(record, changes, this.#waiter, token)
      this.#loaded.delete(physicalOffset)
      if (entry.kind === TimerKind.DELIVER)
        this.#stats.delivered(changes.topic.topic, changes.queueId, record.bytes)
      return copyAt
    } catch (error) {
      if (!(error instanceof MqError) || error.kind !== 'messageIllegal') throw error
      return this.#park(entry, error.message)
    }
  }

  /** Whether the entry tells of a message that is not to be delivered, and nothing more. */
  #noteDeletion(kind: TimerEntry['kind'], outMs: number): boolean {
    const isLate = kind === TimerKind.ROLL && outMs < this.#clock.nowMs()
    // stored again, as after a long rest of the broker, a deletion would come behind its message
    const isDeletion = kind === TimerKind.DELETE || (isLate && this.#properties.find(DELETES) >= 0)
    if (!isDeletion) return false
    if (!isLate) this.#forgetPassed(outMs)
    this.#addDeleted(outMs, this.#properties.optionalText(DELETES) ?? '')
    return true
  }

  /**
   * All that falls due before this time has been done; messages of the second before may be due in between, and after a rest of the broker
   * those that were just stored again.
   */
  #forgetPassed(outMs: number): void {
    const monoMs = this.#clock.monoMs()
    for (const [passedMs, deletedMs] of this.#deletedMs) {
      if (passedMs >= outMs - TIMER_PRECISION_MS || monoMs - deletedMs < DELETED_MS_MIN) continue
      this.#deleted.delete(passedMs)
      this.#deletedMs.delete(passedMs)
    }
  }

  #addDeleted(outMs: number, key: string): void {
    const keys = this.#deleted.get(outMs) ?? new Set<string>()
    this.#deleted.set(outMs, keys.add(key))
    this.#deletedMs.set(outMs, this.#clock.monoMs())
  }

  #deliverChanges(outMs: number): CopyChanges | 'deleted' | undefined {
    const topic = this.#properties.optionalText(PropertyName.REAL_TOPIC)
    const queueId = Number(this.#properties.optionalText(PropertyName.REAL_QID) ?? Number.NaN)
    if (topic === undefined || !Number.isInteger(queueId) || queueId < 0) return undefined
    const uniqueKey = this.#properties.optionalText(PropertyName.UNIQ_KEY) ?? ''
    if (this.#deleted.get(outMs)?.has(timerDeleteKey(topic, uniqueKey))) return 'deleted'
    return this.#changes(topic, queueId, [])
  }

  #rollChanges(): CopyChanges {
    const times = Number(this.#properties.optionalText(PropertyName.TIMER_ROLL_TIMES) ?? 0) + 1
    return this.#changes(SystemTopic.TIMER, 0, [[PropertyName.TIMER_ROLL_TIMES, String(times)]])
  }

  /** What RocketMQ notes in the copies of timer messages: when they came into the index, and when they left it. */
  #changes(topic: string, queueId: number, more: readonly [string, string][]): CopyChanges {
    const { physicalOffset, storeTimestampMs } = this.#record
    const enqueuedMs = storeTimestampMs - (storeTimestampMs % TIMER_PRECISION_MS)
    return {
      topic: this.#store.topic(topic),
      queueId,
      // see `forEachCopied`: by this a restart knows that the record has been delivered
      preparedTransactionOffset: physicalOffset + 1,
      transaction: 0,
      set: new Map([
        [PropertyName.TIMER_ENQUEUE_MS, String(enqueuedMs)],
        [PropertyName.TIMER_DEQUEUE_MS, String(this.#clock.nowMs())],
        ...more,
      ]),
    }
  }

  /** One that can never be delivered does not hold up those behind it (R14). */
  #park({ queueOffset, physicalOffset }: TimerEntry, reason: string): undefined {
    this.#loaded.delete(physicalOffset)
    this.#counters.passedOver++
    this.#log.error(
      { queueOffset, physicalOffset, reason },
      'a timer message cannot be delivered: it is passed over',
    )
  }
}
