import { MqError } from '../base/errors.ts'
import type { Disk, File } from '../base/host.ts'
import { int32At, int64At, putInt32, putInt64 } from '../protocol/big-endian.ts'
import { setInt64, viewOf } from '../protocol/byte-view.ts'
import { writeAll } from './file-sequence.ts'

/** Slots and entries of an index file (settings maxHashSlotNum and maxIndexNum). */
export interface IndexShape {
  readonly slotCount: number
  /** Entry 0 is never used, so a full file holds one fewer. */
  readonly entryCount: number
}

const HEADER_BYTES = 40
const SLOT_BYTES = 4
const ENTRY_BYTES = 20
const PAGE_SLOTS = 1024
const PAGE_BYTES = PAGE_SLOTS * SLOT_BYTES
const TAIL_ENTRIES = 4096

const NO_VIEW = viewOf(Buffer.alloc(0))

/** Pages that a flush writes before others run; neighbours among them leave in one write. */
const PAGES_PER_SLICE = 64

/** Where a message with the wanted key hash may be. */
export interface IndexHit {
  readonly physicalOffset: number
  readonly storedMs: number
}

/**
 * One hash index file of RocketMQ's format (protocol/storage.md §4):
 *
 *     header 40: begin and end store time, begin and end CommitLog offset (int64 each), used slots, entry counter (int32 each)
 *     slots:     int32 each, the number of the newest entry
 *     entries:   int32 key hash, int64 CommitLog offset, int32 seconds since begin, int32 number of the entry before in its slot
 *
 * Slots are loaded by pages when first used and written back by `flush`; new entries collect in memory and are written in
 * runs. Between two flushes the file on disk is behind, never ahead: entries go out before the slots that point to them. A flush
 * writes pages as they were when it began: one that is put to before its turn comes is copied first.
 */
export class IndexFile {
  readonly path: string
  beginMs = 0
  endMs = 0
  beginOffset = 0
  endOffset = 0
  usedSlotCount = 0
  /** Number of the next entry; begins at 1. */
  nextEntry = 1
  readonly #shape: IndexShape
  readonly #file: File
  /** Slots in the file's form, by page. */
  #pages: (Buffer | undefined)[] = []
  readonly #dirtyPages = new Set<number>()
  /** The page put to last, -1 when it is clean: the messages of a batch mostly have one key. */
  #newestDirty = -1
  /** Pages that the flush under way has not written, as they were when it began. */
  #unsaved: Map<number, Buffer> | undefined
  /** Whether pages that were never put to are known to be empty. */
  #isNew = false
  /** Entries that are not in the file; made with the first. */
  #tail: Buffer | undefined
  #tailView = NO_VIEW
  /** Entries below are in the file. */
  #writtenEntry = 1
  /** Entries below are counted by the header on disk. */
  #flushedEntry = 1
  /** Counts flushes, so that one sees that another has overtaken it. */
  #flushCount = 0
  #isClosed = false

  private constructor(path: string, file: File, shape: IndexShape) {
    this.path = path
    this.#file = file
    this.#shape = shape
  }

  static bytesOf(shape: IndexShape): number {
    return HEADER_BYTES + shape.slotCount * SLOT_BYTES + shape.entryCount * ENTRY_BYTES
  }

  /** Makes an empty file; its range begins where that of the file before ended. */
  static create(disk: Disk, path: string, shape: IndexShape, before: IndexFile | undefined): IndexFile {
    const file = disk.openSync(path, 'create')
    file.truncateSync(IndexFile.bytesOf(shape))
    const index = new IndexFile(path, file, shape)
    index.#isNew = true
    index.beginOffset = index.endOffset = before?.endOffset ?? 0
    index.beginMs = index.endMs = before?.endMs ?? 0
    return index
  }

  /** @throws MqError storeUnreadable when the file has not the size of this shape */
  static open(disk: Disk, path: string, shape: IndexShape): IndexFile {
    const file = disk.openSync(path, 'write')
    if (file.sizeSync() !== IndexFile.bytesOf(shape)) {
      file.closeSync()
      throw new MqError('storeUnreadable', `index file ${path} has not ${IndexFile.bytesOf(shape)} bytes`)
    }
    const index = new IndexFile(path, file, shape)
    index.#readHeader()
    return index
  }

  get isDirty(): boolean {
    return this.#dirtyPages.size > 0 || this.#unsaved !== undefined || this.nextEntry !== this.#flushedEntry
  }

  get isFull(): boolean {
    return this.nextEntry >= this.#shape.entryCount
  }

  /** Adds an entry; the file must not be full. */
  put(keyHash: number, physicalOffset: number, storedMs: number): void {
    const slot = keyHash % this.#shape.slotCount
    const number = this.nextEntry
    const before = this.#setSlot(slot, number)
    const seconds = this.beginMs <= 0 ? 0 : Math.floor((storedMs - this.beginMs) / 1000)
    if (number - this.#writtenEntry === TAIL_ENTRIES) this.#writeTail()
    if (!this.#tail) {
      this.#tail = Buffer.allocUnsafeSlow(TAIL_ENTRIES * ENTRY_BYTES)
      this.#tailView = viewOf(this.#tail)
    }
    const view = this.#tailView
    const at = (number - this.#writtenEntry) * ENTRY_BYTES
    view.setInt32(at, keyHash)
    setInt64(view, at + 4, physicalOffset)
    view.setInt32(at + 12, Math.min(Math.max(seconds, 0), 0x7fffffff))
    view.setInt32(at + 16, before)
    if (number === 1) {
      this.beginOffset = physicalOffset
      this.beginMs = storedMs
    }
    if (before === 0) this.usedSlotCount++
    this.nextEntry = number + 1
    this.endOffset = physicalOffset
    this.endMs = storedMs
  }

  /**
   * Writes all to the kernel and makes it durable, in an order that leaves a whole index whenever it is cut: entries, then
   * the slots that point to them, then the header that counts them.
   * @param pause lets others run between two slices of the work
   * @throws the disk's error; what the file holds beyond the flush before is then unknown, and it is to be opened again
   */
  async flush(pause: () => Promise<void>): Promise<void> {
    const flush = ++this.#flushCount
    const header = this.#header()
    const unsaved = this.#takeDirty()
    this.#unsaved = unsaved
    this.#writeTail()
    await this.#file.datasync()
    while (unsaved.size > 0) {
      // the file has been filled meanwhile, and that flush has written all this and more
      if (flush !== this.#flushCount) return
      this.#savePages(unsaved)
      if (unsaved.size > 0) await pause()
    }
    if (flush !== this.#flushCount) return
    this.#unsaved = undefined
    if (int32At(header, 36) > 1) writeAll(this.#file, header, 0)
    await this.#file.datasync()
    this.#flushedEntry = int32At(header, 36)
  }

  /** As `flush`, on the event loop. */
  flushSync(): void {
    this.#flushCount++
    for (const page of this.#unsaved?.keys() ?? []) this.#dirtyPages.add(page)
    this.#unsaved = undefined
    this.#writeTail()
    this.#file.datasyncSync()
    for (const unsaved = this.#takeDirty(); unsaved.size > 0; ) this.#savePages(unsaved)
    if (this.nextEntry > 1) writeAll(this.#file, this.#header(), 0)
    this.#file.datasyncSync()
    this.#flushedEntry = this.nextEntry
  }

  /** Gives the memory of a full file back; after a flush only. */
  release(): void {
    this.#pages = []
    this.#isNew = false
    this.#tail = undefined
    this.#tailView = NO_VIEW
  }

  /**
   * Takes the file back to the state of a flush, after a crash: slots that point to entries not counted then are led back to
   * the newest one that was, along the chain that the entries themselves hold. The slots are durable when this returns, before
   * other entries take the place of those: a slot that still pointed to one would lead into another chain.
   */
  rewind(counts: { nextEntry: number; endOffset: number; endMs: number }): void {
    this.nextEntry = counts.nextEntry
    this.#writtenEntry = counts.nextEntry
    this.endOffset = counts.endOffset
    this.endMs = counts.endMs
    const pageCount = Math.ceil(this.#shape.slotCount / PAGE_SLOTS)
    this.usedSlotCount = 0
    for (let page = 0; page < pageCount; page++) {
      const slots = this.#page(page)
      for (let at = 0; at < slots.length; at += SLOT_BYTES) {
        const number = int32At(slots, at)
        if (number >= this.nextEntry) {
          putInt32(slots, at, this.#counted(number))
          this.#dirtyPages.add(page)
        }
        if (int32At(slots, at) !== 0) this.usedSlotCount++
      }
    }
    this.flushSync()
  }

  /** Entries of this key hash stored from `beginMs` to `endMs`, the newest first, at most `countMax`. */
  async select(
    keyHash: number,
    range: { beginMs: number; endMs: number },
    countMax: number,
  ): Promise<IndexHit[]> {
    const hits: IndexHit[] = []
    const slot = keyHash % this.#shape.slotCount
    let number = await this.#newestOf(slot)
    while (number > 0 && number < this.nextEntry && hits.length < countMax) {
      const entry = await this.#entry(number)
      // RocketMQ counts the first entry's seconds from the end of the file before
      const storedMs = this.beginMs + (number === 1 ? 0 : int32At(entry, 12) * 1000)
      // seconds are rounded down, so the first second counts whole
      const isInTime = storedMs + 999 >= range.beginMs && storedMs <= range.endMs
      if (int32At(entry, 0) === keyHash && isInTime)
        hits.push({ physicalOffset: int64At(entry, 4), storedMs })
      const before = int32At(entry, 16)
      if (before >= number || storedMs + 999 < range.beginMs) break
      number = before
    }
    return hits
  }

  isInTime(range: { beginMs: number; endMs: number }): boolean {
    return this.nextEntry > 1 && range.beginMs <= this.endMs && range.endMs >= this.beginMs
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    if (!this.#isClosed) this.#file.closeSync()
    this.#isClosed = true
  }

  #readHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES)
    this.#file.readSync(header, 0)
    this.beginMs = int64At(header, 0)
    this.endMs = int64At(header, 8)
    this.beginOffset = int64At(header, 16)
    this.endOffset = int64At(header, 24)
    this.usedSlotCount = int32At(header, 32)
    this.nextEntry = Math.min(Math.max(int32At(header, 36), 1), this.#shape.entryCount)
    this.#writtenEntry = this.nextEntry
    this.#flushedEntry = this.nextEntry
  }

  #header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES)
    putInt64(header, 0, this.beginMs)
    putInt64(header, 8, this.endMs)
    putInt64(header, 16, this.beginOffset)
    putInt64(header, 24, this.endOffset)
    putInt32(header, 32, this.usedSlotCount)
    putInt32(header, 36, this.nextEntry)
    return header
  }

  #pageAt(page: number): number {
    return HEADER_BYTES + page * PAGE_BYTES
  }

  #page(page: number): Buffer {
    const known = this.#pages[page]
    if (known) return known
    const slots = Buffer.alloc(Math.min(PAGE_BYTES, this.#shape.slotCount * SLOT_BYTES - page * PAGE_BYTES))
    if (!this.#isNew) this.#file.readSync(slots, this.#pageAt(page))
    // as long as it gets at once: grown from its middle it would be a table of keys
    if (this.#pages.length === 0)
      this.#pages = new Array<undefined>(Math.ceil(this.#shape.slotCount / PAGE_SLOTS)).fill(undefined)
    this.#pages[page] = slots
    return slots
  }

  /** @returns what the slot held */
  #setSlot(slot: number, number: number): number {
    const page = (slot / PAGE_SLOTS) | 0
    let slots = this.#page(page)
    if (this.#unsaved?.get(page) === slots) {
      slots = Buffer.from(slots)
      this.#pages[page] = slots
    }
    const at = (slot % PAGE_SLOTS) * SLOT_BYTES
    const before = int32At(slots, at)
    putInt32(slots, at, number)
    if (page !== this.#newestDirty) this.#dirtyPages.add(page)
    this.#newestDirty = page
    return before
  }

  /** Number of the newest entry in a slot. Only files that take entries keep their slots in memory. */
  async #newestOf(slot: number): Promise<number> {
    const known = this.#pages[Math.floor(slot / PAGE_SLOTS)]
    if (known) return int32At(known, (slot % PAGE_SLOTS) * SLOT_BYTES)
    const bytes = Buffer.alloc(SLOT_BYTES)
    await this.#file.read(bytes, HEADER_BYTES + slot * SLOT_BYTES)
    return int32At(bytes, 0)
  }

  /** The pages that are to be written, in order; from now on they count as clean. */
  #takeDirty(): Map<number, Buffer> {
    const pages = [...this.#dirtyPages].sort((a, b) => a - b)
    this.#dirtyPages.clear()
    this.#newestDirty = -1
    return new Map(pages.map((page) => [page, this.#page(page)]))
  }

  /** Writes a slice of the pages, and takes them out of the map. */
  #savePages(unsaved: Map<number, Buffer>): void {
    const run: Buffer[] = []
    let [next, count] = [-1, 0]
    for (const [page, slots] of unsaved) {
      if (count++ === PAGES_PER_SLICE) break
      if (page !== next) this.#writeRun(run, next)
      run.push(slots)
      unsaved.delete(page)
      next = page + 1
    }
    this.#writeRun(run, next)
  }

  /** Writes neighbouring pages, the last of which is the one before `endPage`. */
  #writeRun(run: Buffer[], endPage: number): void {
    if (run.length === 0) return
    writeAll(this.#file, Buffer.concat(run), this.#pageAt(endPage - run.length))
    run.length = 0
  }

  #entryAt(number: number): number {
    return HEADER_BYTES + this.#shape.slotCount * SLOT_BYTES + number * ENTRY_BYTES
  }

  #writeTail(): void {
    const count = this.nextEntry - this.#writtenEntry
    if (count === 0 || !this.#tail) return
    writeAll(this.#file, this.#tail.subarray(0, count * ENTRY_BYTES), this.#entryAt(this.#writtenEntry))
    this.#writtenEntry = this.nextEntry
  }

  async #entry(number: number): Promise<Buffer> {
    if (number >= this.#writtenEntry && this.#tail) {
      const at = (number - this.#writtenEntry) * ENTRY_BYTES
      return Buffer.from(this.#tail.subarray(at, at + ENTRY_BYTES))
    }
    const entry = Buffer.alloc(ENTRY_BYTES)
    await this.#file.read(entry, this.#entryAt(number))
    return entry
  }

  /** The newest entry that counts in the chain of one that does not. */
  #counted(from: number): number {
    const entry = Buffer.alloc(ENTRY_BYTES)
    let number = from
    while (number >= this.nextEntry) {
      const isThere =
        number < this.#shape.entryCount && this.#file.readSync(entry, this.#entryAt(number)) === ENTRY_BYTES
      const before = isThere ? int32At(entry, 16) : 0
      if (before >= number || before < 0) return 0
      number = before
    }
    return number
  }
}
