import type { Clock, Logger, Timer } from '../base/host.ts'
import { type DelayOffsets, decodeDelayOffsets, delayOffsetsJson } from '../protocol/consumer-offsets.ts'
import { DATA_VERSION_ZERO, type DataVersion, nextDataVersion } from '../protocol/data-version.ts'
import { prettyFastJson } from '../protocol/fastjson-writer.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import { SystemTopic } from '../protocol/names.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { Arrivals } from './arrivals.ts'
import type { BrokerCounters } from './broker-counters.ts'
import type { BrokerStats } from './broker-stats.ts'
import { forEachCopied } from './copied-records.ts'
import { DelayLevelQueue } from './delay-level-queue.ts'
import type { MessageCopier } from './message-copier.ts'
import type { MetadataTable } from './metadata.ts'

const SNAPSHOT_INTERVAL_MS = 5000

/** Bytes of log after which a snapshot is due. */
const SNAPSHOT_BYTES = 16 * 1024 * 1024

/**
 * Messages that ask to be delivered later, by level (RocketMQ's ScheduleMessageService and delayOffset.json): each lies in a queue of
 * SCHEDULE_TOPIC_XXXX for its level, whose entries say when they are due, and is copied to its own topic then.
 *
 * How far each level is follows from the log: a copy names the record it was made of (its field for the prepared transaction holds
 * that record's offset plus one), so that after a crash what was copied since the last snapshot is counted, and nothing is
 * delivered twice.
 */
export class DelaySchedule implements MetadataTable {
  readonly fileName = 'delayOffset.json'
  readonly journalKind = 'd'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #arrivals: Arrivals
  readonly #copier: MessageCopier
  readonly #counters: BrokerCounters
  readonly #stats: BrokerStats
  readonly #levels: DelayLevelQueue[] = []
  /** Next entry of each level, by level from 1, as far as the snapshot knows. */
  readonly #offsets = new Map<number, number>()
  #dataVersion: DataVersion = DATA_VERSION_ZERO
  /** Copies below this offset of the log are counted in the snapshot; undefined for one of RocketMQ's, which does not say. */
  #countedEnd: number | undefined = 0
  #timer: Timer | undefined

  constructor(parts: {
    store: MessageStore
    clock: Clock
    log: Logger
    arrivals: Arrivals
    copier: MessageCopier
    counters: BrokerCounters
    stats: BrokerStats
  }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
    this.#arrivals = parts.arrivals
    this.#copier = parts.copier
    this.#counters = parts.counters
    this.#stats = parts.stats
  }

  /** Counts what was copied since the snapshot, and begins to deliver. The store and the snapshot are open. */
  start(): void {
    const { delayLevels, queues } = this.#store
    const topic = queues.topic(SystemTopic.SCHEDULE)
    this.#correctOffsets()
    this.#countedEnd = this.#store.confirmedEnd
    for (let level = 1; level <= delayLevels.levelMax; level++) {
      const queue = queues.queue(topic, level - 1)
      const levelQueue = new DelayLevelQueue({
        ...{ store: this.#store, clock: this.#clock, log: this.#log, copier: this.#copier },
        ...{
          counters: this.#counters,
          stats: this.#stats,
          level,
          queue,
          next: this.#offsets.get(level) ?? 0,
        },
        onDelivered: (next) => {
          this.#offsets.set(level, next)
          this.onChange('')
        },
      })
      this.#levels.push(levelQueue)
      this.#arrivals.follow(queue, () => levelQueue.arrived())
      levelQueue.run()
    }
    this.#armSnapshot()
  }

  stop(): void {
    this.#timer?.cancel()
    for (const level of this.#levels) level.stop()
  }

  /** Next entry and end of each level's queue, by level. */
  progress(): Map<number, { next: number; end: number }> {
    return new Map(this.#levels.map(({ level, next, end }) => [level, { next, end }]))
  }

  /** The table as slaves get it. */
  get body(): DelayOffsets {
    return { dataVersion: this.#dataVersion, offsetTable: this.#offsets }
  }

  load(content: Buffer): void {
    const { dataVersion, offsetTable } = decodeDelayOffsets(content)
    this.#dataVersion = dataVersion
    for (const [level, offset] of offsetTable) this.#offsets.set(level, offset)
    this.#countedEnd = JsonFields.ofBody(content, 'delay offsets').optionalInteger('logOffset')
  }

  replay(_text: string): void {
    // nothing is noted in the journal: the copies in the log are the record of what was delivered
  }

  encode(): Buffer {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
    const json = delayOffsetsJson(this.body)
    const fields = typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {}
    // before the start nothing was counted beyond what the snapshot says
    if (this.#levels.length > 0) this.#countedEnd = this.#store.confirmedEnd
    const logOffset = this.#countedEnd === undefined ? {} : { logOffset: this.#countedEnd }
    return Buffer.from(prettyFastJson({ ...fields, ...logOffset }))
  }

  /** A snapshot now and then though nothing was delivered, so that a start after a crash has little to look through. */
  #armSnapshot(): void {
    this.#timer = this.#clock.after(SNAPSHOT_INTERVAL_MS, () => {
      if (this.#store.confirmedEnd - (this.#countedEnd ?? 0) > SNAPSHOT_BYTES) this.onChange('')
      this.#armSnapshot()
    })
  }

  /**
   * Brings the offsets of the snapshot to where the log is. A snapshot that is ahead of the log, as after a power cut, is not believed at
   * all: what it says of may be lost, and what was lost is to be delivered again.
   */
  #correctOffsets(): void {
    const { delayLevels, queues } = this.#store
    const levels = Array.from({ length: delayLevels.levelMax }, (_, index) => index + 1)
    // asked of the table, not of the disk: after a crash a queue may be in memory only
    const ends = new Map(
      levels.map((level) => [level, queues.existing(SystemTopic.SCHEDULE, level - 1)?.maxOffset]),
    )
    const ahead = levels.filter((level) => (this.#offsets.get(level) ?? 0) > (ends.get(level) ?? 0))
    const countedEnd = this.#countedEnd
    const isAhead = ahead.length > 0 || (countedEnd ?? 0) > this.#store.confirmedEnd
    if (isAhead)
      this.#log.warn({ levels: ahead, countedEnd }, 'delayOffset.json is ahead of the log: the log counts')
    if (countedEnd === undefined) {
      // RocketMQ's: its copies do not say what they are made of
      for (const level of ahead) this.#offsets.set(level, ends.get(level) ?? 0)
      return
    }
    if (isAhead) this.#offsets.clear()
    const firstAt = this.#firstScheduledAt(levels)
    if (firstAt !== undefined) this.#countCopies(Math.max(isAhead ? 0 : countedEnd, firstAt))
  }

  /** Where the oldest message lies that was ever put off: copies lie behind it. undefined when there is none. */
  #firstScheduledAt(levels: readonly number[]): number | undefined {
    const { queues } = this.#store
    const places = levels.flatMap((level) => {
      const queue = queues.existing(SystemTopic.SCHEDULE, level - 1)
      return queue?.entrySync(queue.minOffset)?.physicalOffset ?? []
    })
    return places.length === 0 ? undefined : Math.min(...places)
  }

  #countCopies(from: number): void {
    let count = 0
    forEachCopied(this.#store, SystemTopic.SCHEDULE, from, ({ queueId, queueOffset }) => {
      const level = queueId + 1
      this.#offsets.set(level, Math.max(this.#offsets.get(level) ?? 0, queueOffset + 1))
      count++
    })
    if (count > 0)
      this.#log.info({ count, from }, 'delayed messages delivered since the last snapshot are counted')
  }
}
