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
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: {
    host: Host
    log: CommitLog
    queues: ConsumeQueueTable
    index: IndexService | undefined
    settings: StoreSettings
  }) {
    this.#host = parts.host
    this.#log = parts.log
    this.#queues = parts.queues
    this.#index = parts.index
    this.#settings = parts.settings
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

  usedRatio(): number {
    return usedRatioOf(this.#host.disk.space(this.#settings.commitLogDir))
  }

  /** Deletes what is due. @param isAnyHour whether expired files go outside the hours of `deleteWhen` too */
  async run(isAnyHour: boolean): Promise<number> {
    const { clock, log: logger } = this.#host
    const { files } = this.#log
    const { retention } = this.#settings
    const nowMs = clock.nowMs()
    const { hour } = clock.localTime(nowMs)
    const ages = files.starts.map((start) => ({ modifiedMs: files.modifiedMs(start) }))
    const settings = isAnyHour ? { ...retention, deleteWhen: [hour] } : retention
    const { count, reason } = planRetention(ages, { nowMs, hour, usedRatio: this.usedRatio() }, settings)
    for (let i = 0; i < count && !this.#isStopped; i++) {
      logger.info({ path: files.pathOf(files.firstOffset), reason }, 'log file deleted')
      await files.deleteFirst()
    }
    if (count === 0 || this.#isStopped) return 0
    const queueFiles = await this.#queues.deleteBefore(this.#log.minOffset)
    await this.#index?.deleteBefore(this.#log.minOffset)
    logger.info({ logFiles: count, queueFiles, minOffset: this.#log.minOffset }, 'expired messages deleted')
    return count
  }
}
