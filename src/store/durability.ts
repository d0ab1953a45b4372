import type { Clock, Timer } from '../base/host.ts'
import type { CommitLog } from './commit-log.ts'

/**
 * The rule of a mode: what must have happened to a message before it may be seen and acknowledged. It is told what the kernel
 * has, and confirms positions of the log; replication and Raft are further implementations.
 */
export interface Durability {
  /** The kernel has all bytes below `writtenEnd`; may confirm in the same turn. */
  written(writtenEnd: number): void
  /** Whether a message with property WAIT=false is answered as soon as it is written. */
  readonly mayAnswerWritten: boolean
  /** Stops what is under way for good. */
  stop(): void
}

export interface DurabilityEvents {
  /** The rule holds for all records below this position. */
  confirmed(position: number): void
  /** What was written below this position has waited longer than the mode allows. */
  late(position: number): void
  /** The device failed: nothing more can be confirmed with this handle. */
  failed(error: unknown): void
}

/** ASYNC_FLUSH: the rule holds when the kernel has the bytes. The disk follows every `intervalMs`. */
export class KernelDurability implements Durability {
  readonly mayAnswerWritten = false
  readonly #log: CommitLog
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #events: DurabilityEvents
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: { log: CommitLog; clock: Clock; intervalMs: number; events: DurabilityEvents }) {
    this.#log = parts.log
    this.#clock = parts.clock
    this.#intervalMs = parts.intervalMs
    this.#events = parts.events
  }

  written(writtenEnd: number): void {
    this.#events.confirmed(writtenEnd)
    if (this.#timer || this.#isStopped) return
    this.#timer = this.#clock.after(this.#intervalMs, () => void this.#flush())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #flush(): Promise<void> {
    try {
      await this.#log.datasync()
    } catch (error) {
      this.#timer = undefined
      if (!this.#isStopped) this.#events.failed(error)
      return
    }
    this.#timer = undefined
    if (this.#log.writtenEnd > this.#log.durableEnd && !this.#isStopped) this.written(this.#log.writtenEnd)
  }
}

/** SYNC_FLUSH: the rule holds when the device has the bytes. One datasync at a time; the next takes all that waited. */
export class DiskDurability implements Durability {
  readonly mayAnswerWritten = true
  readonly #log: CommitLog
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #events: DurabilityEvents
  #isSyncing = false
  #isStopped = false
  #watchdog: Timer | undefined

  constructor(parts: { log: CommitLog; clock: Clock; timeoutMs: number; events: DurabilityEvents }) {
    this.#log = parts.log
    this.#clock = parts.clock
    this.#timeoutMs = parts.timeoutMs
    this.#events = parts.events
  }

  written(_writtenEnd: number): void {
    if (!this.#isSyncing && !this.#isStopped) void this.#sync()
  }

  stop(): void {
    this.#isStopped = true
    this.#watchdog?.cancel()
  }

  async #sync(): Promise<void> {
    this.#isSyncing = true
    this.#watch(this.#log.writtenEnd)
    let end = 0
    try {
      end = await this.#log.datasync()
    } catch (error) {
      if (!this.#isStopped) this.#events.failed(error)
      return
    } finally {
      this.#isSyncing = false
      this.#watchdog?.cancel()
    }
    if (this.#isStopped) return
    this.#events.confirmed(end)
    if (this.#log.writtenEnd > this.#log.durableEnd) this.written(this.#log.writtenEnd)
  }

  /** A device that hangs keeps nobody waiting longer than the timeout. */
  #watch(position: number): void {
    this.#watchdog?.cancel()
    this.#watchdog = this.#clock.after(this.#timeoutMs, () => {
      this.#events.late(position)
      this.#watch(this.#log.writtenEnd)
    })
  }
}
