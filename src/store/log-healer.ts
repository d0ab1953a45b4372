import { MqError, messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { CommitLog } from './commit-log.ts'
import { LogWalk } from './log-walk.ts'

const RETRY_INTERVAL_MS = 1000

/**
 * After a failed datasync the kernel counts pages as clean that the device never got, and asking again would lie. So what is not
 * known to be durable is written once more, through new handles, until a datasync says yes.
 */
export class LogHealer {
  readonly #host: Host
  readonly #log: CommitLog
  #timer: Timer | undefined
  #isStopped = false

  constructor(host: Host, log: CommitLog) {
    this.#host = host
    this.#log = log
  }

  /** Tries until it succeeds; `onHealed` then. */
  start(onHealed: () => void): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#host.clock.after(RETRY_INTERVAL_MS, () => {
      this.#heal().then(
        () => !this.#isStopped && onHealed(),
        (error) => {
          this.#host.log.error({ error: messageOf(error) }, 'the log cannot be made durable yet')
          this.start(onHealed)
        },
      )
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #heal(): Promise<void> {
    const { files, durableEnd, writtenEnd } = this.#log
    // what the page cache has lost meanwhile cannot be written again
    const walk = new LogWalk(files, durableEnd)
    while (walk.end < writtenEnd && walk.next());
    if (walk.end < writtenEnd) {
      throw new MqError(
        'internal',
        `the log is damaged at ${walk.end}: ${walk.reason}; restart to recover it`,
      )
    }
    this.#log.heal()
    await this.#log.datasync()
  }
}
