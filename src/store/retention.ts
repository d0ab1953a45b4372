import { messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { IndexService } from './index-service.ts'
import { planRetention, usedRatioOf } from './retention-plan.ts'
import type { StoreSettings } from './store-settings.ts'

const INTERVAL_MS = 10_000

/** Deletes log files that have expired or that a full disk needs, then the queue and index files that point only to them. */
export class Retention {
  readonly #host: Host
  readonly #log: CommitLog
  readonly #queues: ConsumeQueueTable
  readonly #index: IndexService | undefined
  readonly #settings: StoreSettings
  readonly #notedOffset: () => number
  #timer: Timer | undefined
  #isStopped = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: {
    host: Host
    log: CommitLog
    queues: ConsumeQueueTable
    index: IndexService | undefined
    settings: StoreSettings
    /** Offset of the log at which the next recovery would begin: what stands behind it must stay. */
    notedOffset: () => number
  }) {
    this.#host = parts.host
    this.#log = parts.log
    this.#queues = parts.queues
    this.#index = parts.index
    this.#settings = parts.settings
    this.#notedOffset = parts.notedOffset
  }

  start(): void {
    if (this.#isStopped) return
    this.#timer = this.#host.clock.after(INTERVAL_MS, () => {
      this.run(false)
        .catch((error) =>
          this.#host.log.warn({ error: messageOf(error) }, 'expired files not deleted; it is tried again'),
        )
        .finally(() => this.start())
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Waits for the run that is under way. */
  async stopped(): Promise<void> {
    await this.#running
  }

  usedRatio(): number {
    return usedRatioOf(this.#host.disk.space(this.#settings.commitLogDir))
  }

  /**
   * Deletes what is due, one run at a time.
   * @param isAnyHour whether expired files go outside the hours of `deleteWhen` too
   * @returns how many log files
   * @throws the disk's error
   */
  run(isAnyHour: boolean): Promise<number> {
    const run = this.#running.then(() => this.#run(isAnyHour))
    this.#running = run.catch(() => 0)
    return run
  }

  async #run(isAnyHour: boolean): Promise<number> {
    const { clock, log: logger } = this.#host
    const { files } = this.#log
    const { retention } = this.#settings
    const nowMs = clock.nowMs()
    const { hour } = clock.localTime(nowMs)
    const noted = this.#notedOffset()
    const states = files.starts.map((start) => ({
      modifiedMs: files.modifiedMs(start),
      mayGo: start + files.fileBytes <= noted,
    }))
    const settings = isAnyHour ? { ...retention, deleteWhen: [hour] } : retention
    const { count, reason } = planRetention(states, { nowMs, hour, usedRatio: this.usedRatio() }, settings)
    let deleted = 0
    // no more goes before its time than the disk needs
    const isDue = (): boolean => reason === 'expired' || this.usedRatio() > retention.cleanForciblyRatio
    while (deleted < count && !this.#isStopped && isDue()) {
      logger.info({ path: files.pathOf(files.firstOffset), reason }, 'log file deleted')
      await files.deleteFirst()
      deleted++
    }
    if (deleted === 0 || this.#isStopped) return deleted
    const queueFiles = await this.#queues.deleteBefore(this.#log.minOffset)
    await this.#index?.deleteBefore(this.#log.minOffset)
    logger.info({ logFiles: deleted, queueFiles, minOffset: this.#log.minOffset }, 'expired messages deleted')
    return deleted
  }
}
