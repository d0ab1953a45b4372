import type { Disk } from '../base/host.ts'
import { writeAll } from './file-sequence.ts'

/**
 * Room kept for metadata: when the log has filled the disk, this file is deleted, so that topics, groups, offsets and the store's
 * own positions can still be written (R16). Its bytes are really written: an empty file of that size would hold no room.
 */
export class ReserveFile {
  readonly #disk: Disk
  readonly #path: string
  #sizeBytes: number | undefined

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** Bytes that deleting it would give back. @throws the disk's error, the first time */
  get sizeBytes(): number {
    this.#sizeBytes ??= this.#disk.statSync(this.#path)?.sizeBytes ?? 0
    return this.#sizeBytes
  }

  /** @throws the disk's error; what was taken is given back then */
  take(sizeBytes: number): void {
    const file = this.#disk.openSync(this.#path, 'create')
    try {
      writeAll(file, Buffer.alloc(sizeBytes), 0)
      this.#sizeBytes = sizeBytes
    } catch (error) {
      this.#disk.unlinkSync(this.#path)
      throw error
    } finally {
      file.closeSync()
    }
  }

  /** @throws the disk's error */
  release(): void {
    if (this.sizeBytes > 0) this.#disk.unlinkSync(this.#path)
    this.#sizeBytes = 0
  }
}
