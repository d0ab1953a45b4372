import { errnoOf, MqError, messageOf } from '../base/errors.ts'
import type { DiskLock, Host, Timer } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { int32At, int64At } from '../protocol/big-endian.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { AppendPipeline } from './append-pipeline.ts'
import { BlockCache } from './block-cache.ts'
import { Checkpointer } from './checkpointer.ts'
import { CommitLog } from './commit-log.ts'
import type { ConsumeQueue, QueueEntry } from './consume-queue.ts'
import { ConsumeQueueTable, type TopicQueues } from './consume-queue-table.ts'
import { DelayLevels } from './delay-levels.ts'
import { DiskDurability, type Durability, type DurabilityEvents, KernelDurability } from './durability.ts'
import { FileSequence } from './file-sequence.ts'
import { HandlePool } from './handle-pool.ts'
import { IndexService } from './index-service.ts'
import { LogHealer } from './log-healer.ts'
import { LogReader } from './log-reader.ts'
import type { MessageDraft } from './message-draft.ts'
import { MessageReader } from './message-reader.ts'
import type { AppendWaiter } from './pending-appends.ts'
import { PositionsFile } from './positions.ts'
import { QueueInventory } from './queue-inventory.ts'
import { type RecoveryReport, recover } from './recovery.ts'
import { Retention } from './retention.ts'
import { DiskGate } from './retention-plan.ts'
import type { StoreSettings } from './store-settings.ts'
import { TagsCode } from './tags-code.ts'

const GATE_INTERVAL_MS = 1000

/** The whole store of one broker: log, queues, index, and everything that keeps them durable, small and in agreement. */
export class MessageStore {
  readonly settings: StoreSettings
  readonly log: CommitLog
  readonly queues: ConsumeQueueTable
  readonly index: IndexService | undefined
  readonly reader: MessageReader
  readonly delayLevels: DelayLevels
  readonly tagsCode: TagsCode
  /** Told, once a turn and queue, that messages have arrived in a queue whose `isAwaited` is set. Set by the broker. */
  onArrival: (queue: ConsumeQueue) => void = () => undefined
  /** What the start found; set by `open`. */
  recovery: RecoveryReport | undefined
  readonly #host: Host
  readonly #handles: HandlePool
  readonly #logReader: LogReader
  readonly #pipeline: AppendPipeline
  readonly #checkpointer: Checkpointer
  readonly #retention: Retention
  readonly #healer: LogHealer
  readonly #gate: DiskGate
  readonly #scan = new RecordScan()
  #durability: Durability | undefined
  #lock: DiskLock | undefined
  #gateTimer: Timer | undefined
  /** Why the store takes no messages, beside a full disk. */
  #refusal: string | undefined

  constructor(host: Host, turn: Turn, settings: StoreSettings) {
    this.#host = host
    this.settings = settings
    const { clock, disk, log: logger } = host
    const { rootDir } = settings
    this.#handles = new HandlePool(disk, settings.handlesMax)
    const files = { disk, handles: this.#handles }
    const logFiles = new FileSequence({
      ...files,
      dir: settings.commitLogDir,
      fileBytes: settings.commitLogFileBytes,
    })
    this.log = new CommitLog(logFiles, settings.tailBytesMax)
    const cache = new BlockCache(settings.cacheBytesMax)
    this.#logReader = new LogReader(this.log, cache)
    this.queues = new ConsumeQueueTable({
      ...files,
      dir: `${rootDir}/consumequeue`,
      fileBytes: settings.consumeQueueFileBytes,
      log: this.#queueLog(),
      cache,
    })
    this.index =
      settings.index &&
      new IndexService({ disk, clock, log: logger, dir: `${rootDir}/index`, shape: settings.index })
    this.delayLevels = new DelayLevels(settings.delayLevels)
    this.tagsCode = new TagsCode(this.delayLevels)
    this.#gate = new DiskGate(settings.retention)
    this.#pipeline = new AppendPipeline({
      ...{ log: this.log, queues: this.queues, index: this.index, clock, turn, logger },
      onArrival: (queue) => this.onArrival(queue),
      onWriteFailed: (error) => this.#writeFailed(error),
    })
    this.reader = new MessageReader({
      queues: this.queues,
      log: this.#logReader,
      limits: settings.readLimits,
      logEnd: () => this.#pipeline.confirmedEnd,
    })
    const parts = {
      host,
      log: this.log,
      queues: this.queues,
      index: this.index,
      pipeline: this.#pipeline,
      settings,
    }
    this.#checkpointer = new Checkpointer({
      ...parts,
      positions: new PositionsFile(disk, `${rootDir}/ternmq/positions`),
      inventory: new QueueInventory(disk, `${rootDir}/ternmq/queues`),
    })
    this.#retention = new Retention(parts)
    this.#healer = new LogHealer(host, this.log)
  }

  /**
   * Takes the store directory, recovers it and begins to work.
   * @throws MqError storeLocked, storeUnreadable; the disk's error
   */
  open(): RecoveryReport {
    const { disk, log: logger } = this.#host
    const { rootDir } = this.settings
    disk.mkdirSync(`${rootDir}/ternmq`)
    this.#lock = disk.lockSync(`${rootDir}/lock`)
    try {
      this.recovery = this.#recover()
    } catch (error) {
      this.#lock.release()
      throw error
    }
    const { cut: _, ...summary } = this.recovery
    logger.info(summary, 'store opened')
    this.#durability = this.#makeDurability()
    this.#pipeline.open(this.#durability, this.log.end, this.#pipeline.confirmedMs)
    this.#checkpointer.start()
    this.#retention.start()
    this.#measureDisk()
    return this.recovery
  }

  /** The names of a topic's queues in the store. */
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

  /** See `AppendPipeline.reserve`. */
  reserve(bytes: number): void {
    this.#pipeline.reserve(bytes)
  }

  /**
   * The record that begins at this offset of the log.
   * @returns undefined when none begins there, or it may not be read yet
   */
  recordAt(physicalOffset: number): Buffer | undefined {
    const { log } = this
    if (physicalOffset < log.minOffset || physicalOffset + 8 > this.#pipeline.confirmedEnd) return undefined
    const bytes = int32At(this.#logReader.readSync(physicalOffset, 8), 0)
    if (bytes <= 0 || physicalOffset + bytes > this.#pipeline.confirmedEnd) return undefined
    const record = this.#logReader.readSync(physicalOffset, bytes)
    return this.#scan.read(record, 0, record.length, physicalOffset) === 'message' ? record : undefined
  }

  /** Store time of the record that a queue entry points to; undefined when the log does not hold it. */
  storedMsOf(entry: QueueEntry): number | undefined {
    if (entry.physicalOffset < this.log.minOffset) return undefined
    const head = this.#logReader.readSync(entry.physicalOffset, Math.min(entry.bytes, 80))
    const hasIpv6Born = (int32At(head, 36) & 0x10) !== 0
    return int64At(head, hasIpv6Born ? 68 : 56)
  }

  /** Store time of the oldest record; undefined when there is none. */
  earliestStoredMs(): number | undefined {
    const record = this.recordAt(this.log.minOffset)
    return record && int64At(record, (int32At(record, 36) & 0x10) !== 0 ? 68 : 56)
  }

  /** Deletes the queues of a topic; its records stay in the log until they expire. */
  deleteTopic(topic: string): void {
    this.queues.deleteTopic(topic)
    this.#checkpointer.queuesDeleted()
  }

  /** Deletes expired log files now, whatever the hour. @returns how many */
  async deleteExpired(): Promise<number> {
    return this.#retention.run(true)
  }

  /** Used share of the disk, 0 to 1. */
  diskUsedRatio(): number {
    return this.#retention.usedRatio()
  }

  /** Finishes what is under way, makes everything durable and gives the directory back. */
  async close(): Promise<void> {
    this.#gateTimer?.cancel()
    this.#retention.stop()
    this.#healer.stop()
    await this.#pipeline.drain()
    this.#refuse('the store is closed')
    this.#durability?.stop()
    await this.#checkpointer.stop()
    this.#handles.closeAll()
    this.#lock?.release()
  }

  #recover(): RecoveryReport {
    const { disk, clock, log: logger } = this.#host
    const { rootDir } = this.settings
    const abortPath = `${rootDir}/abort`
    this.log.files.load()
    const wasCleanStop = disk.statSync(abortPath) === undefined
    this.#writeAbort(abortPath)
    const positions = this.#checkpointer.read()
    if (this.log.files.isEmpty) {
      this.queues.clear()
      this.index?.deleteAll()
    }
    const report = recover({
      ...{
        disk,
        clock,
        logger,
        log: this.log,
        queues: this.queues,
        index: this.index,
        tagsCode: this.tagsCode,
      },
      ...{
        positions: this.log.files.isEmpty ? undefined : positions,
        wasCleanStop,
        cutDir: `${rootDir}/ternmq/cut`,
      },
      confirm: (end, lastStoreMs) => {
        this.#pipeline.confirmedEnd = end
        this.#pipeline.confirmedMs = lastStoreMs
      },
    })
    this.#checkpointer.writeSync()
    return report
  }

  /** The file whose presence at a start tells that the process before did not stop cleanly. */
  #writeAbort(path: string): void {
    const { disk } = this.#host
    const file = disk.openSync(path, 'create')
    try {
      file.writeSync([Buffer.from(this.settings.processId)], 0)
    } finally {
      file.closeSync()
    }
    disk.syncDirSync(this.settings.rootDir)
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
    const reason = `the disk failed to confirm the log: ${messageOf(error)}`
    this.#host.log.error({ error: messageOf(error), durableEnd: this.log.durableEnd }, reason)
    this.#refuse(reason)
    this.#pipeline.answerUnconfirmed(this.log.writtenEnd)
    this.#healer.start(() => {
      this.#host.log.warn(
        { durableEnd: this.log.durableEnd },
        'the disk has confirmed the log again: messages are taken',
      )
      this.#durability?.written(this.log.writtenEnd)
      this.#refuse(undefined)
    })
  }

  #writeFailed(error: unknown): void {
    if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT') {
      this.#gate.refused()
      this.#updateRefusal()
    }
  }

  #refuse(reason: string | undefined): void {
    this.#refusal = reason
    this.#updateRefusal()
  }

  #updateRefusal(): void {
    this.#pipeline.refusal = this.#pipeline.isBroken
      ? this.#pipeline.refusal
      : (this.#refusal ?? this.#gate.refusal)
  }

  #measureDisk(): void {
    const before = this.#gate.refusal
    try {
      this.#gate.measured(this.#host.disk.space(this.settings.commitLogDir))
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'the space of the disk cannot be measured')
    }
    if (before === undefined && this.#gate.refusal !== undefined)
      this.#host.log.error({}, `messages refused: ${this.#gate.refusal}`)
    if (before !== undefined && this.#gate.refusal === undefined)
      this.#host.log.info({}, 'messages are taken again: the disk has room')
    this.#updateRefusal()
    this.#gateTimer = this.#host.clock.after(GATE_INTERVAL_MS, () => this.#measureDisk())
  }

  #queueLog(): { minOffset: number; confirmedEnd: number; holds: ConsumeQueueHolds } {
    const store = this
    return {
      get minOffset() {
        return store.log.minOffset
      },
      get confirmedEnd() {
        return store.#pipeline.confirmedEnd
      },
      holds: (queue, queueOffset, physicalOffset, bytes) =>
        store.#holds(queue, queueOffset, physicalOffset, bytes),
    }
  }

  #holds(queue: ConsumeQueue, queueOffset: number, physicalOffset: number, bytes: number): boolean {
    // an entry of an expired record cannot be held against anything: it is believed
    if (physicalOffset < this.log.minOffset) return true
    if (physicalOffset + bytes > this.log.writtenEnd) return false
    const record = this.#logReader.readSync(physicalOffset, bytes)
    const scan = this.#scan
    const isRecord = scan.read(record, 0, bytes, physicalOffset) === 'message'
    return (
      isRecord &&
      scan.queueId === queue.queueId &&
      scan.queueOffset === queueOffset &&
      scan.topic === queue.topic
    )
  }
}

type ConsumeQueueHolds = (
  queue: ConsumeQueue,
  queueOffset: number,
  physicalOffset: number,
  bytes: number,
) => boolean

/** @throws MqError badSetting when sizes do not fit their formats */
export function checkStoreSettings(settings: StoreSettings): void {
  if (settings.consumeQueueFileBytes % 20 !== 0) {
    throw new MqError(
      'badSetting',
      `mappedFileSizeConsumeQueue is no multiple of 20: ${settings.consumeQueueFileBytes}`,
    )
  }
}
