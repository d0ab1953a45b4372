import { MqError, messageOf } from '../base/errors.ts'
import type { DiskLock, Host } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { AbortFile } from './abort-file.ts'
import { AppendPipeline } from './append-pipeline.ts'
import { BlockCache } from './block-cache.ts'
import { Checkpointer } from './checkpointer.ts'
import { CommitLog } from './commit-log.ts'
import type { ConsumeQueue, QueueLog } from './consume-queue.ts'
import { ConsumeQueueTable, type TopicQueues } from './consume-queue-table.ts'
import { DelayLevels } from './delay-levels.ts'
import { DiskWatch } from './disk-watch.ts'
import { DiskDurability, type Durability, type DurabilityEvents, KernelDurability } from './durability.ts'
import { FileSequence } from './file-sequence.ts'
import { HandlePool } from './handle-pool.ts'
import { IndexCatchUp } from './index-catch-up.ts'
import { IndexService } from './index-service.ts'
import { LogHealer } from './log-healer.ts'
import { LogHoles } from './log-holes.ts'
import { LogReader } from './log-reader.ts'
import type { MessageDraft } from './message-draft.ts'
import { MessageReader } from './message-reader.ts'
import type { AppendWaiter } from './pending-appends.ts'
import type { QueueEntry } from './queue-entry.ts'
import { QuickReads } from './quick-reads.ts'
import { RecordLookup, type TimeBoundary } from './record-lookup.ts'
import { type RecoveryReport, recover } from './recovery.ts'
import { Redispatch } from './redispatch.ts'
import { Retention } from './retention.ts'
import type { StoreSettings } from './store-settings.ts'
import { TagsCode } from './tags-code.ts'

/** How long the last checkpoint may take: who stops a broker waits, and a start that recovers takes no longer. */
const LAST_CHECKPOINT_MS_MAX = 1500

/** The whole store of one broker: log, queues, index, and everything that keeps them durable, small and in agreement. */
export class MessageStore {
  readonly settings: StoreSettings
  readonly log: CommitLog
  readonly queues: ConsumeQueueTable
  readonly index: IndexService | undefined
  readonly reader: MessageReader
  readonly delayLevels: DelayLevels
  readonly tagsCode: TagsCode
  /** Told, once a turn and queue, that messages have arrived in a queue that is awaited. Set by the broker. */
  onArrival: (queue: ConsumeQueue) => void = () => undefined
  /** What the start found; set by `open`. */
  recovery: RecoveryReport | undefined
  readonly #host: Host
  readonly #handles: HandlePool
  readonly #holes: LogHoles
  readonly #logReader: LogReader
  readonly #lookup: RecordLookup
  readonly #pipeline: AppendPipeline
  readonly #checkpointer: Checkpointer
  readonly #retention: Retention
  readonly #healer: LogHealer
  readonly #watch: DiskWatch
  readonly #catchUp: IndexCatchUp | undefined
  readonly #redispatch: Redispatch
  readonly #abort: AbortFile
  #durability: Durability | undefined
  #lock: DiskLock | undefined
  #isRecovering = false
  #isHealing = false
  /** Why the store takes no messages, beside a full disk. */
  #refusal: string | undefined
  #closing: Promise<void> | undefined

  /** @throws MqError badSetting when sizes do not fit their formats */
  constructor(host: Host, turn: Turn, settings: StoreSettings) {
    checkStoreSettings(settings)
    this.#host = host
    this.settings = settings
    const { clock, disk, log: logger } = host
    const { rootDir, commitLogDir, index: shape } = settings
    this.#handles = new HandlePool(disk, settings.handlesMax)
    const files = { disk, handles: this.#handles }
    const cache = new BlockCache(settings.cacheBytesMax)
    this.log = new CommitLog(
      new FileSequence({ ...files, dir: commitLogDir, fileBytes: settings.commitLogFileBytes }),
      settings.tailBytesMax,
    )
    const log = this.log
    const quickReads = new QuickReads(clock, disk, () => settings.readLimits.hotDistanceBytes)
    const holes = new LogHoles({ disk, path: `${rootDir}/ternmq/holes`, log: logger, files: log.files })
    this.#holes = holes
    const logReader = new LogReader(log, cache, quickReads)
    this.#logReader = logReader
    const confirmedEnd = (): number => this.#pipeline.confirmedEnd
    this.#lookup = new RecordLookup({ log, holes, reader: logReader, confirmedEnd })
    this.queues = new ConsumeQueueTable({
      ...{ ...files, dir: `${rootDir}/consumequeue`, fileBytes: settings.consumeQueueFileBytes },
      ...{ log: this.#queueLog(), cache, quick: quickReads },
    })
    const queues = this.queues
    this.index = shape && new IndexService({ disk, clock, log: logger, dir: `${rootDir}/index`, shape })
    const index = this.index
    this.delayLevels = new DelayLevels(settings.delayLevels)
    this.tagsCode = new TagsCode(this.delayLevels)
    this.#pipeline = new AppendPipeline({
      ...{ log, queues, index, clock, turn, logger },
      ...{ appendsCrc: settings.appendsCrc, syncWriteBytesMax: settings.syncWriteBytesMax },
      onArrival: (queue) => this.onArrival(queue),
      onWriteFailed: (error) => this.#watch.writeFailed(error),
    })
    const limits = settings.readLimits
    this.reader = new MessageReader({ queues, log: logReader, holes, limits, logEnd: confirmedEnd })
    this.#watch = new DiskWatch({ host, settings, onChange: () => this.#updateRefusal() })
    const parts = { host, log, queues, index, settings }
    this.#checkpointer = new Checkpointer({ ...parts, pipeline: this.#pipeline, watch: this.#watch })
    this.#retention = new Retention({ ...parts, notedOffset: () => this.#checkpointer.notedOffset })
    this.#healer = new LogHealer(host, log)
    this.#redispatch = new Redispatch({ queues, tagsCode: this.tagsCode })
    const redispatch = this.#redispatch
    this.#catchUp =
      index && new IndexCatchUp({ index, files: log.files, redispatch, confirmedEnd, clock, log: logger })
    this.#abort = new AbortFile(disk, rootDir)
  }

  /**
   * Takes the store directory, recovers it and begins to work.
   * @throws MqError storeLocked, storeUnreadable; the disk's error
   */
  open(): RecoveryReport {
    const { disk, log: logger } = this.#host
    this.#makeDirs()
    this.#lock = disk.lockSync(`${this.settings.rootDir}/lock`)
    try {
      this.#watch.prepareStart()
      this.recovery = this.#recover()
    } catch (error) {
      this.#letGo()
      throw error
    }
    const { cut: _, ...summary } = this.recovery
    logger.info(summary, 'store opened')
    this.#durability = this.#makeDurability()
    this.#pipeline.open(this.#durability)
    this.#checkpointer.start()
    this.#retention.start()
    this.#catchUp?.start()
    this.#watch.start()
    return this.recovery
  }

  /** The names of a topic's queues in the store. @throws MqError invalidParameter when no folder can have this name */
  topic(topic: string): TopicQueues {
    return this.queues.topic(topic)
  }

  /** Why messages are refused now; undefined while they are taken. */
  get refusal(): string | undefined {
    return this.#pipeline.refusal
  }

  /** Offset behind the last record that may be read. */
  get confirmedEnd(): number {
    return this.#pipeline.confirmedEnd
  }

  /** Store time of the newest record. */
  get lastStoreTimestampMs(): number {
    return this.#pipeline.confirmedMs
  }

  /** See `AppendPipeline.append`. */
  append(draft: MessageDraft, waiter: AppendWaiter | undefined, token: number): number {
    return this.#pipeline.append(draft, waiter, token)
  }

  /** A reader of its own for someone who follows a queue, with at most `countMax` messages a read. */
  makeReader(countMax: number): MessageReader {
    const bytesMax = Number.MAX_SAFE_INTEGER
    const limits = {
      hotCountMax: countMax,
      hotBytesMax: bytesMax,
      coldCountMax: countMax,
      coldBytesMax: bytesMax,
      hotDistanceBytes: 0,
    }
    return new MessageReader({
      queues: this.queues,
      log: this.#logReader,
      holes: this.#holes,
      limits,
      logEnd: () => this.#pipeline.confirmedEnd,
    })
  }

  /** Store time of a message that is appended now, in ms since 1970. */
  get nextStoreTimestampMs(): number {
    return this.#pipeline.nextStoreMs
  }

  /** See `AppendPipeline.renewStoreTime`. */
  renewStoreTime(): void {
    this.#pipeline.renewStoreTime()
  }

  /** See `AppendPipeline.reserve`. */
  reserve(bytes: number): void {
    this.#pipeline.reserve(bytes)
  }

  /**
   * The record that begins at this offset of the log.
   * @returns undefined when none begins there, or it may not be read yet
   */
  recordAt(physicalOffset: number): Buffer | undefined {
    return this.#lookup.recordAt(physicalOffset)
  }

  /**
   * The bytes of a record whose length is known, as far as they are in memory and for this turn; who takes them checks them.
   * @returns undefined when they are not: `loadRecord` reads them
   */
  recordInMemory(physicalOffset: number, bytes: number): Buffer | undefined {
    return this.#logReader.inTail(physicalOffset, bytes)
  }

  /**
   * The bytes of a record whose length is known, read off the event loop; who takes them checks them.
   * @returns undefined when they have expired
   * @throws the disk's error
   */
  async loadRecord(physicalOffset: number, bytes: number): Promise<Buffer | undefined> {
    if (physicalOffset < this.log.minOffset) return undefined
    try {
      return await this.#logReader.read(physicalOffset, bytes)
    } catch (error) {
      if (physicalOffset < this.log.minOffset) return undefined
      throw error
    }
  }

  /** Store time of the record that a queue entry points to; undefined when the log does not hold it. */
  storedMsOf(entry: QueueEntry): number | undefined {
    return this.#lookup.storedMsOf(entry)
  }

  /** Store time of the oldest record; undefined when there is none. */
  earliestStoredMs(): number | undefined {
    return this.#lookup.earliestStoredMs()
  }

  /**
   * The offset in a queue that belongs to a time, as RocketMQ's ConsumeQueue.getOffsetInQueueByTime has it.
   * @param boundary `LOWER`: the first message stored at that time or later, `maxOffset` when there is none; `UPPER`: the last one
   *   stored at that time or earlier, 0 when there is none
   */
  offsetByTime(queue: ConsumeQueue, timestampMs: number, boundary: TimeBoundary): number {
    return this.#lookup.offsetByTime(queue, timestampMs, boundary)
  }

  /**
   * Deletes the queues of a topic; its records stay in the log until they expire, and a topic of the same name begins at 0.
   * @throws the disk's error
   */
  deleteTopic(topic: string): void {
    this.#checkpointer.inventory.deleteTopic(topic, this.log.end)
    this.#checkpointer.queueEnds.forgetTopic(topic, this.log.end)
    this.queues.deleteTopic(topic)
  }

  /** Deletes expired log files now, whatever the hour. @returns how many */
  deleteExpired(): Promise<number> {
    return this.#retention.run(true)
  }

  /** Used share of the disk, 0 to 1. */
  diskUsedRatio(): number {
    return this.#retention.usedRatio()
  }

  /**
   * Finishes what is under way, makes everything durable and gives the directory back. A disk that hangs is waited for no longer than
   * `syncFlushTimeoutMs`, and 1.5 s more for the last checkpoint; the next start recovers then.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watch.stop()
    this.#retention.stop()
    this.#catchUp?.stop()
    this.#refuse('the broker is shutting down')
    const { syncFlushTimeoutMs } = this.settings
    const isDrained = await this.#within(
      syncFlushTimeoutMs,
      Promise.all([this.#pipeline.drain(), this.#retention.stopped()]),
    )
    if (!isDrained) this.#pipeline.answerUnconfirmed(this.log.writtenEnd)
    this.#healer.stop()
    this.#durability?.stop()
    // with very many queues a checkpoint takes long: the next start is quicker
    const checkpointMs = Math.min(syncFlushTimeoutMs, LAST_CHECKPOINT_MS_MAX)
    const isClean = isDrained && (await this.#within(checkpointMs, this.#checkpointer.stop()))
    this.#checkpointer.abandon()
    try {
      if (isClean) this.#abort.remove()
    } catch (error) {
      this.#host.log.error(
        { error: messageOf(error) },
        'the clean stop could not be noted: the next start recovers',
      )
    }
    if (!isClean) this.#host.log.error({}, 'stopped without a last checkpoint: the next start recovers')
    this.#letGo()
  }

  #letGo(): void {
    this.index?.close()
    this.#handles.closeAll()
    this.#lock?.release()
  }

  /** Waits for something of the disk, as long as a disk may take. @returns whether it came to a good end */
  async #within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#host.clock.after(limitMs, () => {
        this.#host.log.warn({ limitMs }, 'the disk is too slow: the store is closed without waiting for it')
        resolve(false)
      })
      const settled = (isGood: boolean): void => {
        timer.cancel()
        resolve(isGood)
      }
      work.then(
        () => settled(true),
        (error) => {
          this.#host.log.error({ error: messageOf(error) }, 'the store could not be closed as it should')
          settled(false)
        },
      )
    })
  }

  /**
   * Makes the folders of a store, and their names durable: what they will hold is worth nothing without. After a clean stop they
   * are so already.
   */
  #makeDirs(): void {
    const { disk } = this.#host
    const { rootDir, commitLogDir } = this.settings
    const dirs = [`${rootDir}/ternmq`, `${rootDir}/consumequeue`, `${rootDir}/index`, commitLogDir]
    const missing = dirs.filter((dir) => !disk.statSync(dir))
    const isKnown = disk.statSync(`${rootDir}/ternmq/positions`) !== undefined
    if (missing.length === 0 && isKnown && !this.#abort.isThere) return
    for (const dir of missing) disk.mkdirSync(dir)
    for (const dir of new Set([rootDir, parentOf(rootDir), parentOf(commitLogDir)])) {
      try {
        disk.syncDirSync(dir)
      } catch (error) {
        // a folder above the store may be one that this process may not open
        if (dir === rootDir) throw error
        this.#host.log.debug({ dir, error: messageOf(error) }, 'the folder could not be synced')
      }
    }
  }

  #recover(): RecoveryReport {
    const { disk, clock, log: logger } = this.#host
    const { rootDir } = this.settings
    const { log, queues, index, tagsCode } = this
    const checkpointer = this.#checkpointer
    const { inventory } = checkpointer
    const wasCleanStop = !this.#abort.isThere
    this.#abort.write(this.settings.processId)
    const noted = checkpointer.readPositions()
    this.#holes.load(wasCleanStop ? undefined : noted?.dispatched, this.settings.acceptsHole)
    const positions = checkpointer.fitting(noted)
    inventory.load(queues, !wasCleanStop)
    if (positions) checkpointer.queueEnds.load(logger, inventory.deletedTopics)
    if (log.files.isEmpty) {
      queues.clear()
      inventory.clear()
      index?.clear()
    }
    const areQueuesMissing = checkpointer.areQueuesMissing(wasCleanStop)
    this.#isRecovering = !wasCleanStop || areQueuesMissing
    for (const [topic, offset] of inventory.deletedTopics) queues.deleteOlder(topic, offset)
    const report = recover({
      ...{ disk, clock, logger, log, queues, index, tagsCode, wasCleanStop },
      ...{ positions, areQueuesMissing, deletedTopics: inventory.deletedTopics },
      ...{ mustWrite: checkpointer.isMarked, cutDir: `${rootDir}/ternmq/cut` },
      confirm: (end, last) => {
        this.#pipeline.confirmedEnd = end
        this.#pipeline.confirmedMs = last.storeMs
        this.#pipeline.confirmedRecordAt = last.recordAt
      },
      onQueuesLost: () => checkpointer.queuesLost(positions),
    })
    checkpointer.recovered(report.wereQueuesRebuilt ? checkpointer.readPositions() : positions)
    this.#isRecovering = false
    return report
  }

  #makeDurability(): Durability {
    const { clock } = this.#host
    const { flushDiskType, flushIntervalMs, syncFlushTimeoutMs } = this.settings
    const events: DurabilityEvents = {
      confirmed: (position) => this.#pipeline.confirm(position),
      late: (position) => this.#pipeline.answerUnconfirmed(position),
      failed: (error) => this.#diskFailed(error),
    }
    if (flushDiskType === 'SYNC_FLUSH')
      return new DiskDurability({ log: this.log, clock, timeoutMs: syncFlushTimeoutMs, events })
    return new KernelDurability({ log: this.log, clock, intervalMs: flushIntervalMs, events })
  }

  /** A datasync has failed: nothing new is taken until what the device may have lost is written again and confirmed. */
  #diskFailed(error: unknown): void {
    this.#pipeline.answerUnconfirmed(this.log.writtenEnd)
    if (this.#isHealing || this.#closing) return
    const reason = `the disk failed to confirm the log: ${messageOf(error)}`
    this.#host.log.error({ error: messageOf(error), durableEnd: this.log.durableEnd }, reason)
    this.#isHealing = true
    this.#checkpointer.syncFailed()
    this.#refuse(reason)
    this.#healer.start(() => {
      const { durableEnd } = this.log
      this.#host.log.warn({ durableEnd }, 'the disk has confirmed the log again: messages are taken')
      this.#isHealing = false
      this.#durability?.written(this.log.writtenEnd)
      if (!this.#closing) this.#refuse(undefined)
    })
  }

  #refuse(reason: string | undefined): void {
    this.#refusal = reason
    this.#updateRefusal()
  }

  #updateRefusal(): void {
    this.#pipeline.refusal = this.#pipeline.isBroken
      ? this.#pipeline.refusal
      : (this.#refusal ?? this.#watch.refusal)
  }

  #queueLog(): QueueLog {
    const store = this
    return {
      get minOffset() {
        return store.log.minOffset
      },
      get confirmedEnd() {
        return store.#pipeline.confirmedEnd
      },
      get durableEnd() {
        return store.log.durableEnd
      },
      get isRecovering() {
        return store.#isRecovering
      },
      lostBetween: (from, end) => store.#holes.between(from, end),
      holds: (queue, queueOffset, physicalOffset, bytes) =>
        store.#lookup.holds(queue, queueOffset, physicalOffset, bytes),
      notedEnd: ({ topic, queueId }) => store.#checkpointer.queueEnds.of(topic, queueId),
      dispatchAgain: (queue, from, end) => store.#complete(queue, from, end),
    }
  }

  #complete(queue: ConsumeQueue, from: number, end: number): void {
    const { topic, queueId, maxOffset } = queue
    const isWholeLog = from <= this.log.minOffset
    const range = { from: Math.max(from, this.log.minOffset), end, isWholeLog }
    const records = this.#redispatch.complete(queue, this.log.files, range)
    this.#host.log.warn(
      { topic, queueId, maxOffset, records },
      'a queue lacked its last entries: they were built again from the log',
    )
  }
}

function parentOf(dir: string): string {
  const end = dir.lastIndexOf('/')
  return end < 0 ? '.' : dir.slice(0, Math.max(end, 1))
}

/** @throws MqError badSetting when sizes do not fit their formats */
function checkStoreSettings(settings: StoreSettings): void {
  if (settings.consumeQueueFileBytes % 20 !== 0) {
    throw new MqError(
      'badSetting',
      `mappedFileSizeConsumeQueue is no multiple of 20: ${settings.consumeQueueFileBytes}`,
    )
  }
}
