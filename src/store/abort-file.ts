import type { Disk } from '../base/host.ts'

/** RocketMQ's `abort`: its presence at a start tells that the process before did not stop cleanly. */
export class AbortFile {
  readonly #disk: Disk
  readonly #rootDir: string

  constructor(disk: Disk, rootDir: string) {
    this.#disk = disk
    this.#rootDir = rootDir
  }

  get isThere(): boolean {
    return this.#disk.statSync(this.#path) !== undefined
  }

  /** @param processId put into the file, as RocketMQ does */
  write(processId: string): void {
    const file = this.#disk.openSync(this.#path, 'create')
    try {
      file.truncateSync(0)
      file.writeSync([Buffer.from(processId)], 0)
    } finally {
      file.closeSync()
    }
    this.#disk.syncDirSync(this.#rootDir)
  }

  remove(): void {
    this.#disk.unlinkSync(this.#path)
    this.#disk.syncDirSync(this.#rootDir)
  }

  get #path(): string {
    return `${this.#rootDir}/abort`
  }
}
