import type { Disk, File } from '../base/host.ts'

/** A file that stays open until it is released, whatever the pool does meanwhile. */
export interface Pin {
  readonly file: File
  release(): void
}

interface Handle {
  readonly file: File
  pins: number
  /** Out of the pool: closed when the last pin goes. */
  isClosed: boolean
}

/**
 * Keeps the files of a store open, at most `handlesMax` of them: with 50,000 queues not every file can have a handle.
 * The one used longest ago is closed first.
 */
export class HandlePool {
  readonly #disk: Disk
  readonly #handlesMax: number
  /** In the order of use, the oldest first. */
  readonly #handles = new Map<string, Handle>()
  #newest: Handle | undefined

  constructor(disk: Disk, handlesMax = 512) {
    this.#disk = disk
    this.#handlesMax = handlesMax
  }

  get openCount(): number {
    return this.#handles.size
  }

  /** The file, opened for reading and writing; good until the next call of this pool. @throws ENOENT when it is missing */
  use(path: string): File {
    return this.#touch(path).file
  }

  /** As `use`, made when missing. */
  create(path: string): File {
    this.close(path)
    return this.#add(path, this.#disk.openSync(path, 'create')).file
  }

  /** For calls off the event loop: a handle that were closed under them could by then be another file. */
  pin(path: string): Pin {
    const handle = this.#touch(path)
    handle.pins++
    const release = (): void => {
      handle.pins--
      if (handle.isClosed && handle.pins === 0) handle.file.closeSync()
    }
    return { file: handle.file, release }
  }

  /** Closes the file if it is open: before it is unlinked, or when its handle has failed. */
  close(path: string): void {
    const handle = this.#handles.get(path)
    if (!handle) return
    this.#handles.delete(path)
    handle.isClosed = true
    if (handle.pins === 0) handle.file.closeSync()
  }

  closeAll(): void {
    for (const path of [...this.#handles.keys()]) this.close(path)
  }

  #touch(path: string): Handle {
    const known = this.#handles.get(path)
    if (!known) return this.#add(path, this.#disk.openSync(path, 'write'))
    if (known === this.#newest) return known
    this.#handles.delete(path)
    this.#handles.set(path, known)
    this.#newest = known
    return known
  }

  #add(path: string, file: File): Handle {
    const oldest = this.#handles.size >= this.#handlesMax ? this.#handles.keys().next().value : undefined
    if (oldest !== undefined) this.close(oldest)
    const handle = { file, pins: 0, isClosed: false }
    this.#handles.set(path, handle)
    this.#newest = handle
    return handle
  }
}
