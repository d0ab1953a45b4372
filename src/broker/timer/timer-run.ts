import type { Disk, File } from '../../base/host.ts'
import {
  compareTimers,
  putTimerEntry,
  TIMER_ENTRY_BYTES,
  type TimerEntry,
  type TimerPosition,
  timerEntryAt,
} from './timer-entry.ts'

/** Entries held in memory of a run that lies on disk. */
const BLOCK_ENTRIES = 2048

/**
 * Timers in the order in which they fall due, of which a few are in memory and all are in a file that never changes:
 *
 *     entry 0 | entry 1 | ...    (`TIMER_ENTRY_BYTES` each)
 */
export class TimerRun {
  /** Name of its file. */
  readonly name: string
  readonly count: number
  readonly #disk: Disk
  readonly #path: string
  #file: File | undefined
  /** Entries from `#blockFrom` on. */
  #block: Buffer
  #blockFrom = 0
  /** Index of the entry that is next. */
  #next = 0
  #isDurable: boolean

  private constructor(parts: {
    disk: Disk
    dir: string
    name: string
    count: number
    block: Buffer
    isDurable: boolean
  }) {
    this.name = parts.name
    this.count = parts.count
    this.#disk = parts.disk
    this.#path = `${parts.dir}/${parts.name}`
    this.#block = parts.block
    this.#isDurable = parts.isDurable
  }

  /** A run of these entries, which are in order; they are in memory until they are saved. */
  static of(disk: Disk, dir: string, name: string, entries: readonly TimerEntry[]): TimerRun {
    const block = Buffer.allocUnsafe(entries.length * TIMER_ENTRY_BYTES)
    for (const [index, entry] of entries.entries()) putTimerEntry(block, index * TIMER_ENTRY_BYTES, entry)
    return new TimerRun({ disk, dir, name, count: entries.length, block, isDurable: false })
  }

  /** A run that lies on disk. @returns undefined when its file is missing or of another size */
  static open(disk: Disk, dir: string, name: string, count: number): TimerRun | undefined {
    const sizeBytes = disk.statSync(`${dir}/${name}`)?.sizeBytes
    if (sizeBytes !== count * TIMER_ENTRY_BYTES) return undefined
    return new TimerRun({ disk, dir, name, count, block: Buffer.alloc(0), isDurable: true })
  }

  get isDurable(): boolean {
    return this.#isDurable
  }

  get isDone(): boolean {
    return this.#next >= this.count
  }

  /** Whether the next entry is in memory; `load` it else. */
  get isLoaded(): boolean {
    return this.isDone || (this.#next - this.#blockFrom) * TIMER_ENTRY_BYTES < this.#block.length
  }

  /** The next entry; undefined at the end, or when it is not loaded. */
  get first(): TimerEntry | undefined {
    if (this.isDone || !this.isLoaded) return undefined
    return timerEntryAt(this.#block, (this.#next - this.#blockFrom) * TIMER_ENTRY_BYTES)
  }

  shift(): void {
    this.#next++
  }

  /** Passes over the entries before a place. */
  seek(position: TimerPosition): void {
    let [low, high] = [this.#next, this.count]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareTimers(this.#entrySync(middle), position) < 0) low = middle + 1
      else high = middle
    }
    this.#next = low
    // where memory held all entries it still does; else the block may lie before the place
    if (this.#isDurable) this.#drop()
  }

  /** Brings the next entries into memory. @throws the disk's error */
  async load(): Promise<void> {
    const from = this.#next
    const block = Buffer.allocUnsafe(Math.min(BLOCK_ENTRIES, this.count - from) * TIMER_ENTRY_BYTES)
    const bytes = await this.#open('read').read(block, from * TIMER_ENTRY_BYTES)
    this.#blockFrom = from
    this.#block = block.subarray(0, bytes - (bytes % TIMER_ENTRY_BYTES))
    if (this.#block.length === 0) throw new Error(`${this.#path} ends before entry ${from}`)
  }

  /** Writes the entries, which are in memory, and makes them durable. @throws the disk's error */
  async save(): Promise<void> {
    if (this.#isDurable) return
    const file = this.#open('create')
    try {
      for (let at = 0; at < this.#block.length; ) at += await file.write([this.#block.subarray(at)], at)
      await file.datasync()
    } catch (error) {
      this.close()
      throw error
    }
    this.#isDurable = true
    if (this.count > BLOCK_ENTRIES) this.#drop()
  }

  close(): void {
    this.#file?.closeSync()
    this.#file = undefined
  }

  #drop(): void {
    this.#block = Buffer.alloc(0)
    this.#blockFrom = this.#next
  }

  #open(mode: 'read' | 'create'): File {
    this.#file ??= this.#disk.openSync(this.#path, mode)
    return this.#file
  }

  #entrySync(index: number): TimerEntry {
    const at = (index - this.#blockFrom) * TIMER_ENTRY_BYTES
    if (at >= 0 && at < this.#block.length) return timerEntryAt(this.#block, at)
    const bytes = Buffer.allocUnsafe(TIMER_ENTRY_BYTES)
    this.#open('read').readSync(bytes, index * TIMER_ENTRY_BYTES)
    return timerEntryAt(bytes, 0)
  }
}
