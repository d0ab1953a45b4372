import { MqError, messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { AppendPipeline } from './append-pipeline.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { DiskWatch } from './disk-watch.ts'
import type { IndexPosition, IndexService } from './index-service.ts'
import { fitsLog, type Positions, PositionsFile } from './positions.ts'
import { QueueEnds } from './queue-ends.ts'
import { QueueInventory } from './queue-inventory.ts'
import { writeCheckpoint } from './store-checkpoint.ts'
import type { StoreSettings } from './store-settings.ts'
import { SyncFailureMark } from './sync-failure-mark.ts'

/** How often it is looked whether much has come. */
const LOOK_INTERVAL_MS = 1000
const CHECKPOINT_INTERVAL_MS = 10_000

/** Bytes of the log since the last checkpoint above which the next one comes early: they are scanned after a kill. */
const CHECKPOINT_BYTES = 128 * 1024 * 1024

/** A checkpoint may take this part of the time: with very many queues it takes long, and the disk has other work. */
const CHECKPOINT_PART = 1 / 4

/** The part while little comes, and the longest rest for its sake: a stop has to save what came since. */
const CALM_CHECKPOINT_PART = 1 / 20
const CALM_REST_MS_MAX = 30_000

const NO_INDEX: IndexPosition = { file: '', nextEntry: 1, endOffset: 0, endMs: 0, logEnd: 0 }
const NOTHING_DISPATCHED: Positions = {
  dispatched: 0,
  index: NO_INDEX,
  lastStoreTimestampMs: 0,
  lastRecordAt: -1,
}

/**
 * Every ten seconds, or sooner when much has come, writes queue entries to their files, makes all durable and notes up to where it
 * is. Not more often: the log is the truth, a start after a kill dispatches from the last checkpoint on whatever the files have, and
 * with very many queues each write is one of 20 bytes.
 */
export class Checkpointer {
  /** Which queues there are, and which topics were deleted. */
  readonly inventory: QueueInventory
  /** Where queues ended at the last clean stop. */
  readonly queueEnds: QueueEnds
  /** Up to where the log is dispatched for good: no earlier start of a recovery is noted anywhere. */
  notedOffset = 0
  readonly #host: Host
  readonly #log: CommitLog
  readonly #queues: ConsumeQueueTable
  readonly #index: IndexService | undefined
  readonly #pipeline: AppendPipeline
  readonly #watch: DiskWatch
  readonly #settings: StoreSettings
  readonly #positions: PositionsFile
  readonly #mark: SyncFailureMark
  #lookTimer: Timer | undefined
  #checkpointTimer: Timer | undefined
  #isRunning = false
  /** Monotonic time before which no checkpoint begins. */
  #restsUntilMs = 0
  #isStopped = false
  #isAbandoned = false
  #running: Promise<void> = Promise.resolve()

  constructor(parts: {
    host: Host
    log: CommitLog
    queues: ConsumeQueueTable
    index: IndexService | undefined
    pipeline: AppendPipeline
    watch: DiskWatch
    settings: StoreSettings
  }) {
    this.#host = parts.host
    this.#log = parts.log
    this.#queues = parts.queues
    this.#index = parts.index
    this.#pipeline = parts.pipeline
    this.#watch = parts.watch
    this.#settings = parts.settings
    const { disk, log } = parts.host
    const ownDir = `${parts.settings.rootDir}/ternmq`
    this.inventory = new QueueInventory(disk, `${ownDir}/queues`)
    this.queueEnds = new QueueEnds(disk, `${ownDir}/queue-ends`)
    this.#positions = new PositionsFile(disk, `${ownDir}/positions`)
    this.#mark = new SyncFailureMark(disk, log, `${ownDir}/sync-failed`)
  }

  /** The positions noted last; undefined when there are none, or none that is whole. */
  readPositions(): Positions | undefined {
    return this.#positions.read(this.#host.log)
  }

  /** The positions if they belong to this log. */
  fitting(positions: Positions | undefined): Positions | undefined {
    if (!positions || fitsLog(positions, this.#log.files)) return positions
    this.#host.log.warn(positions, 'positions of another log: the store is scanned instead')
    return undefined
  }

  /** Whether queues have lost their folders. */
  areQueuesMissing(wasCleanStop: boolean): boolean {
    const missing = this.inventory.missing(this.#queues, !wasCleanStop)
    const some = { missing: missing.slice(0, 10), count: missing.length }
    if (missing.length > 0) this.#host.log.warn(some, 'queues have lost their files: they are built again')
    return missing.length > 0
  }

  /** Whether a datasync has failed and its bytes were not written again since. */
  get isMarked(): boolean {
    return this.#mark.isSet
  }

  /** Notes that a datasync has failed, until the next checkpoint. */
  syncFailed(): void {
    this.#mark.set()
  }

  /** Notes, before queues are built again from the whole log, that nothing is dispatched. */
  queuesLost(positions: Positions | undefined): void {
    const { index, lastStoreTimestampMs } = positions ?? NOTHING_DISPATCHED
    this.#positions.invalidate({ ...NOTHING_DISPATCHED, index, lastStoreTimestampMs })
  }

  start(): void {
    this.#armLook()
    this.#armCheckpoint(CHECKPOINT_INTERVAL_MS)
  }

  /**
   * Recovery is done: the log is durable, and the rest of what it has found will be by the first checkpoint.
   * @param noted the positions that the next start would find; undefined when there are none that fit the log
   */
  recovered(noted: Positions | undefined): void {
    // the process before may have been killed before it had noted a queue's folder
    const unlisted = [...this.#queues.open()].filter(
      (queue) => !queue.files.isEmpty && !this.inventory.has(queue),
    )
    for (const queue of unlisted) this.#queues.noteDir(queue)
    this.#queues.putBackNew(unlisted)
    this.inventory.started(this.#log, this.#queues)
    if (!noted) this.#positions.writeSync(NOTHING_DISPATCHED)
    this.notedOffset = noted?.dispatched ?? 0
  }

  /**
   * Stops, after a last round that makes everything durable and tells RocketMQ that the stop was clean.
   * @throws the disk's error: the next start recovers then
   */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#lookTimer?.cancel()
    this.#checkpointTimer?.cancel()
    await this.#running
    await this.#round()
  }

  /** Lets a stop that hangs in the disk do nothing more, should it ever come back: the directory may be another's by then. */
  abandon(): void {
    this.#isStopped = true
    this.#isAbandoned = true
    this.#lookTimer?.cancel()
    this.#checkpointTimer?.cancel()
  }

  #armLook(): void {
    this.#lookTimer = this.#host.clock.after(LOOK_INTERVAL_MS, () => {
      if (this.#isDue) this.#begin()
      this.#armLook()
    })
  }

  #armCheckpoint(delayMs: number): void {
    if (this.#isStopped) return
    this.#checkpointTimer = this.#host.clock.after(delayMs, () => this.#begin())
  }

  /** Whether much has come since the last checkpoint, and that is long enough ago. */
  get #isDue(): boolean {
    const bytes = this.#pipeline.confirmedEnd - this.notedOffset
    return bytes > CHECKPOINT_BYTES && !this.#isRunning && this.#host.clock.monoMs() >= this.#restsUntilMs
  }

  #begin(): void {
    const { clock } = this.#host
    const beganMs = clock.monoMs()
    this.#checkpointTimer?.cancel()
    this.#isRunning = true
    this.#running = this.#run().then((isDone) => {
      this.#isRunning = false
      const endedMs = clock.monoMs()
      const restFor = (part: number): number => (isDone ? (endedMs - beganMs) * (1 / part - 1) : 0)
      const restMs = restFor(CHECKPOINT_PART)
      const calmMs = Math.min(restFor(CALM_CHECKPOINT_PART), CALM_REST_MS_MAX)
      this.#restsUntilMs = endedMs + (isDone ? restMs : CHECKPOINT_INTERVAL_MS)
      this.#armCheckpoint(Math.max(CHECKPOINT_INTERVAL_MS, restMs, calmMs))
    })
  }

  /** @returns whether the checkpoint was written */
  async #run(): Promise<boolean> {
    let isDone = true
    try {
      await this.#round()
    } catch (error) {
      isDone = false
      this.#host.log.warn({ error: messageOf(error) }, 'checkpoint failed; it is tried again')
      this.#watch.writeFailed(error)
    }
    this.#queues.releaseIdle()
    return isDone
  }

  /** One checkpoint: the log first, as queues get only entries of durable records, then all that depends on it, the word last. */
  async #round(): Promise<void> {
    const positions = this.#current()
    if (positions.dispatched === this.notedOffset && !this.#mark.isSet && !this.#isStopped) return
    await this.#syncLog(positions.dispatched)
    await this.#saveQueues()
    const indexedEnd = this.#pipeline.confirmedEnd
    await this.#index?.flush(indexedEnd)
    // the index may know of records that came after
    await this.#syncLog(indexedEnd)
    this.#checkOwner()
    if (this.#isStopped) await this.#noteQueueEnds()
    this.#checkOwner()
    await this.#positions.write({ ...positions, index: this.#index?.position ?? NO_INDEX })
    this.#checkOwner()
    this.notedOffset = positions.dispatched
    if (!this.#log.isSuspect) this.#mark.clear()
    this.#writeRocketMqCheckpoint(positions.lastStoreTimestampMs)
  }

  /** A stop is clean without them: what was noted before stays true. */
  async #noteQueueEnds(): Promise<void> {
    try {
      await this.queueEnds.save(this.#queues.open(), this.#log.minOffset)
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'the ends of queues could not be noted')
    }
  }

  async #syncLog(end: number): Promise<void> {
    while (this.#log.durableEnd < end) await this.#log.datasync()
  }

  /** Queues are listed when their folders are durable, not before: a start would take them for lost. */
  async #saveQueues(): Promise<void> {
    this.#checkOwner()
    // whatever becomes of the syncs, who opens the store after a stop finds the files as they should be
    if (this.#isStopped) this.#queues.flush()
    await this.#queues.save({
      beforeWrite: () => this.#checkOwner(),
      pause: () => new Promise((resolve) => this.#host.clock.endOfTurn(resolve)),
      onSyncFailed: () => this.#mark.set(),
    })
    this.#checkOwner()
    const added = this.#queues.takeNew()
    try {
      this.inventory.append(added)
    } catch (error) {
      this.#queues.putBackNew(added)
      throw error
    }
  }

  #checkOwner(): void {
    if (this.#isAbandoned)
      throw new MqError('shuttingDown', 'the store was closed without waiting for the disk')
  }

  #current(): Positions {
    const { confirmedEnd, confirmedMs, confirmedRecordAt } = this.#pipeline
    return {
      ...{ dispatched: confirmedEnd, lastStoreTimestampMs: confirmedMs, lastRecordAt: confirmedRecordAt },
      index: this.#index?.position ?? NO_INDEX,
    }
  }

  #writeRocketMqCheckpoint(storeMs: number): void {
    writeCheckpoint(this.#host.disk, `${this.#settings.rootDir}/checkpoint`, {
      physicMsgTimestamp: storeMs,
      logicsMsgTimestamp: storeMs,
      indexMsgTimestamp: this.#index?.fullEndMs ?? 0,
    })
  }
}
