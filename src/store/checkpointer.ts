import { messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { AppendPipeline } from './append-pipeline.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { IndexPosition, IndexService } from './index-service.ts'
import type { Positions, PositionsFile } from './positions.ts'
import type { QueueInventory } from './queue-inventory.ts'
import { writeCheckpoint } from './store-checkpoint.ts'
import type { StoreSettings } from './store-settings.ts'

const FLUSH_INTERVAL_MS = 1000
const CHECKPOINT_INTERVAL_MS = 10_000
const NO_INDEX: IndexPosition = { file: '', nextEntry: 1, endOffset: 0, endMs: 0 }

/** Hands queue entries to the kernel each second, and every ten seconds makes all durable and notes up to where it is. */
export class Checkpointer {
  readonly #host: Host
  readonly #log: CommitLog
  readonly #queues: ConsumeQueueTable
  readonly #index: IndexService | undefined
  readonly #pipeline: AppendPipeline
  readonly #settings: StoreSettings
  readonly #positions: PositionsFile
  readonly #inventory: QueueInventory
  #flushTimer: Timer | undefined
  #checkpointTimer: Timer | undefined
  #lastDispatched = -1
  #isStopped = false
  #running: Promise<void> = Promise.resolve()
  /** Position of the index at its last good flush. */
  #indexPosition = NO_INDEX

  constructor(parts: {
    host: Host
    log: CommitLog
    queues: ConsumeQueueTable
    index: IndexService | undefined
    pipeline: AppendPipeline
    settings: StoreSettings
    positions: PositionsFile
    inventory: QueueInventory
  }) {
    this.#host = parts.host
    this.#log = parts.log
    this.#queues = parts.queues
    this.#index = parts.index
    this.#pipeline = parts.pipeline
    this.#settings = parts.settings
    this.#positions = parts.positions
    this.#inventory = parts.inventory
  }

  /**
   * The positions noted last. When queues have lost their files, all queues are deleted, and the positions say that everything is
   * to be dispatched again.
   */
  read(): Positions | undefined {
    const positions = this.#positions.read(this.#host.log)
    const missing = this.#inventory.missing(this.#queues)
    if (positions) this.#indexPosition = positions.index
    if (missing.length === 0) return positions
    this.#host.log.warn(
      { missing: missing.slice(0, 10), count: missing.length },
      'queues have lost their files: all are built again',
    )
    this.#queues.clear()
    this.#inventory.rewrite(this.#queues)
    return positions && { ...positions, dispatched: 0 }
  }

  start(): void {
    this.#armFlush()
    this.#armCheckpoint()
  }

  /** Notes where everything is after recovery, on the event loop. */
  writeSync(): void {
    this.#log.datasyncSync()
    this.#queues.flush()
    this.#inventory.append(this.#queues.takeNew())
    this.#queues.syncSync()
    this.#index?.flushSync()
    this.#noteIndex(this.#index?.position)
    this.#positions.writeSync(this.#current())
    this.#lastDispatched = this.#pipeline.confirmedEnd
  }

  /** After queues were deleted: their names are forgotten too. */
  queuesDeleted(): void {
    this.#inventory.rewrite(this.#queues)
  }

  /** Stops, after a last round that makes everything durable and tells RocketMQ and us that the stop was clean. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#flushTimer?.cancel()
    this.#checkpointTimer?.cancel()
    await this.#running
    this.writeSync()
    this.#writeRocketMqCheckpoint()
    this.#index?.close()
    const { disk } = this.#host
    disk.unlinkSync(`${this.#settings.rootDir}/abort`)
    disk.syncDirSync(this.#settings.rootDir)
  }

  #armFlush(): void {
    this.#flushTimer = this.#host.clock.after(FLUSH_INTERVAL_MS, () => {
      this.#attempt('flush the queues', () => this.#queues.flush())
      this.#armFlush()
    })
  }

  #armCheckpoint(): void {
    if (this.#isStopped) return
    this.#checkpointTimer = this.#host.clock.after(CHECKPOINT_INTERVAL_MS, () => {
      this.#running = this.#run().finally(() => this.#armCheckpoint())
    })
  }

  async #run(): Promise<void> {
    const positions = this.#current()
    if (positions.dispatched === this.#lastDispatched) {
      this.#queues.releaseIdle()
      return
    }
    try {
      this.#queues.flush()
      this.#inventory.append(this.#queues.takeNew())
      this.#noteIndex(await this.#index?.flush())
      await this.#queues.sync()
      if (this.#log.durableEnd < positions.dispatched) await this.#log.datasync()
      await this.#positions.write({ ...positions, index: this.#indexPosition })
      this.#lastDispatched = positions.dispatched
      this.#writeRocketMqCheckpoint()
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'checkpoint failed; it is tried again')
    }
  }

  #current(): Positions {
    const { confirmedEnd, confirmedMs } = this.#pipeline
    return { dispatched: confirmedEnd, lastStoreTimestampMs: confirmedMs, index: this.#indexPosition }
  }

  #noteIndex(position: IndexPosition | undefined): void {
    if (position && this.#index?.failure === undefined) this.#indexPosition = position
  }

  #writeRocketMqCheckpoint(): void {
    const { confirmedMs } = this.#pipeline
    writeCheckpoint(this.#host.disk, `${this.#settings.rootDir}/checkpoint`, {
      physicMsgTimestamp: confirmedMs,
      logicsMsgTimestamp: confirmedMs,
      indexMsgTimestamp: this.#index?.fullEndMs ?? 0,
    })
  }

  #attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, `could not ${what}; it is tried again`)
    }
  }
}
