import { MqError } from '../base/errors.ts'
import type { Disk, File } from '../base/host.ts'
import { int32At, int64At, putInt32, putInt64 } from '../protocol/big-endian.ts'
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
const TAIL_ENTRIES = 4096

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
 * runs. Between two flushes the file on disk is behind, never ahead: entries go out before the slots that point to them.
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
  readonly #pages: (Int32Array | undefined)[] = []
  readonly #dirtyPages = new Set<number>()
  /** Entries that are not in the file; made with the first. */
  #tail: Buffer | undefined
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
    return this.#dirtyPages.size > 0 || this.nextEntry !== this.#flushedEntry
  }

  get isFull(): boolean {
    return this.nextEntry >= this.#shape.entryCount
  }

  /** Adds an entry; the file must not be full. */
  put(keyHash: number, physicalOffset: number, storedMs: number): void {
    const slot = keyHash % this.#shape.slotCount
    const page = this.#page(Math.floor(slot / PAGE_SLOTS))
    const before = page[slot % PAGE_SLOTS] as number
    const seconds = this.beginMs <= 0 ? 0 : Math.floor((storedMs - this.beginMs) / 1000)
    const number = this.nextEntry
    if (number - this.#writtenEntry === TAIL_ENTRIES) this.#writeTail()
    this.#tail ??= Buffer.allocUnsafeSlow(TAIL_ENTRIES * ENTRY_BYTES)
    const tail = this.#tail
    const at = (number - this.#writtenEntry) * ENTRY_BYTES
    putInt32(tail, at, keyHash)
    putInt64(tail, at + 4, physicalOffset)
    putInt32(tail, at + 12, Math.min(Math.max(seconds, 0), 0x7fffffff))
    putInt32(tail, at + 16, before)
    page[slot % PAGE_SLOTS] = number
    this.#dirtyPages.add(Math.floor(slot / PAGE_SLOTS))
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
   * @throws the disk's error; what the file holds beyond the flush before is then unknown, and it is to be opened again
   */
  async flush(): Promise<void> {
    const flush = ++this.#flushCount
    const header = this.#header()
    const pages = this.#dirtyPagesAsBytes()
    this.#writeTail()
    await this.#file.datasync()
    // the file has been filled meanwhile, and that flush has written all this and more
    if (flush !== this.#flushCount) return
    for (const [page, bytes] of pages) {
      writeAll(this.#file, bytes, this.#pageAt(page))
      // unless it was put to while the entries went out
      if (bytes.equals(this.#pageAsBytes(page))) this.#dirtyPages.delete(page)
    }
    if (int32At(header, 36) > 1) writeAll(this.#file, header, 0)
    await this.#file.datasync()
    this.#flushedEntry = int32At(header, 36)
  }

  /** As `flush`, on the event loop. */
  flushSync(): void {
    this.#flushCount++
    this.#writeTail()
    this.#file.datasyncSync()
    for (const [page, bytes] of this.#dirtyPagesAsBytes()) writeAll(this.#file, bytes, this.#pageAt(page))
    this.#dirtyPages.clear()
    if (this.nextEntry > 1) writeAll(this.#file, this.#header(), 0)
    this.#file.datasyncSync()
    this.#flushedEntry = this.nextEntry
  }

  /** Gives the memory of a full file back; after a flush only. */
  release(): void {
    this.#pages.length = 0
    this.#tail = undefined
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
      for (let i = 0; i < slots.length; i++) {
        const number = slots[i] as number
        if (number >= this.nextEntry) {
          slots[i] = this.#counted(number)
          this.#dirtyPages.add(page)
        }
        if (slots[i] !== 0) this.usedSlotCount++
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
    return HEADER_BYTES + page * PAGE_SLOTS * SLOT_BYTES
  }

  #page(page: number): Int32Array {
    const known = this.#pages[page]
    if (known) return known
    const count = Math.min(PAGE_SLOTS, this.#shape.slotCount - page * PAGE_SLOTS)
    const bytes = Buffer.alloc(count * SLOT_BYTES)
    this.#file.readSync(bytes, this.#pageAt(page))
    const slots = new Int32Array(count)
    for (let i = 0; i < count; i++) slots[i] = int32At(bytes, i * SLOT_BYTES)
    this.#pages[page] = slots
    return slots
  }

  /** Number of the newest entry in a slot. Only files that take entries keep their slots in memory. */
  async #newestOf(slot: number): Promise<number> {
    const known = this.#pages[Math.floor(slot / PAGE_SLOTS)]
    if (known) return known[slot % PAGE_SLOTS] as number
    const bytes = Buffer.alloc(SLOT_BYTES)
    await this.#file.read(bytes, HEADER_BYTES + slot * SLOT_BYTES)
    return int32At(bytes, 0)
  }

  #dirtyPagesAsBytes(): [number, Buffer][] {
    return [...this.#dirtyPages].map((page) => [page, this.#pageAsBytes(page)])
  }

  /** The slots of a page in the file's form. */
  #pageAsBytes(page: number): Buffer {
    const slots = this.#page(page)
    const bytes = Buffer.allocUnsafe(slots.length * SLOT_BYTES)
    for (let i = 0; i < slots.length; i++) putInt32(bytes, i * SLOT_BYTES, slots[i] as number)
    return bytes
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
