import { messageOf } from '../base/errors.ts'
import type { Disk, Logger } from '../base/host.ts'

/**
 * A file that says: a datasync has failed, and what it was to save was not written again yet. It is for the case that the process
 * dies before: the kernel then still shows the next one bytes that the device never got, and would confirm them. It need
 * not be durable itself, as after a power loss only what the device has is left to be seen.
 */
export class SyncFailureMark {
  readonly #disk: Disk
  readonly #log: Logger
  readonly #path: string

  constructor(disk: Disk, log: Logger, path: string) {
    this.#disk = disk
    this.#log = log
    this.#path = path
  }

  get isSet(): boolean {
    return this.#disk.statSync(this.#path) !== undefined
  }

  set(): void {
    try {
      this.#disk.openSync(this.#path, 'create').closeSync()
    } catch (error) {
      this.#log.error({ path: this.#path, error: messageOf(error) }, 'the failed sync cannot be marked')
    }
  }

  /** All is written again and durable. */
  clear(): void {
    if (this.isSet) this.#disk.unlinkSync(this.#path)
  }
}
