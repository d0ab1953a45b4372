import { type RecordKind, RecordScan } from '../protocol/record-scan.ts'
import type { FileSequence } from './file-sequence.ts'

/** Bytes read at once, by default. */
const READ_BYTES = 4 * 1024 * 1024

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512

/** Bytes without which nothing can be said of a place: a length and a magic. */
const HEAD_BYTES = 8

/** A walk through the records of the log's files in order, reading on the event loop: for start-up and tools. */
export class LogWalk {
  /** The record that `next` moved to; good until the next call. */
  readonly record = new RecordScan()
  /** Offset behind the last whole record. */
  end: number
  recordCount = 0
  /** Whether the walk ended at bytes that are no record, rather than at zeros or the end of the files. */
  isBad = false
  /** Why the walk ended. */
  reason = ''
  readonly #files: FileSequence
  readonly #readBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  #bufferAt: number
  #bytes = 0

  /** @param from offset at which a record or a file begins */
  constructor(files: FileSequence, from: number, readBytes = READ_BYTES) {
    this.#files = files
    this.#readBytes = readBytes
    this.end = from
    this.#bufferAt = from
  }

  /** Moves to the next whole record; false at the end of the walk. @throws the disk's error */
  next(): boolean {
    while (this.#files.has(this.end)) {
      const ahead = this.#bufferAt + this.#bytes - this.end
      if (ahead < HEAD_BYTES && this.end + ahead < this.#fileEnd) this.#fill(this.#readBytes)
      const kind = this.record.read(this.#buffer, this.end - this.#bufferAt, this.#bytes, this.end)
      if (kind === 'message' && !this.#isTorn() && !this.#isCutShort()) {
        this.end += this.record.bytes
        this.recordCount++
        return true
      }
      const reason = kind === 'message' ? 'zeros of a torn write' : this.#goOnFrom(kind)
      if (reason !== undefined) return this.#stop(kind !== 'empty', reason)
    }
    return this.#stop(false, 'the end of the files')
  }

  /** What to do about a place that is no whole record. @returns why the walk ends there; undefined when it goes on */
  #goOnFrom(kind: Exclude<RecordKind, 'message'>): string | undefined {
    switch (kind) {
      case 'empty':
        return 'zeros'
      case 'bad':
        return this.record.reason
      case 'blank':
        return this.#skipBlank() ? undefined : 'a blank that does not reach the end of its file'
      case 'cut':
        return this.#fillRecord() ? undefined : `a record of ${this.record.bytes} bytes beyond its file`
    }
  }

  /**
   * Whether a power loss took a sector of the record: zeros up to its end or that of the record. The body has its CRC; the rest
   * of a record has not (issue apache/rocketmq#7437), and is nowhere zeros from the beginning of a sector to its end.
   */
  #isTorn(): boolean {
    const { record } = this
    // no properties are a length of zero
    const recordEnd = record.propertiesAt < record.propertiesEnd ? record.propertiesEnd : record.topicEnd
    // sectors begin at multiples of their size in the file
    let sector = record.at + SECTOR_BYTES - ((this.end - this.#files.startOf(this.end)) % SECTOR_BYTES)
    while (sector < recordEnd) {
      const sectorEnd = Math.min(sector + SECTOR_BYTES, recordEnd)
      const isInBody = sector >= record.bodyAt && sectorEnd <= record.bodyEnd
      if (isInBody) sector += Math.floor((record.bodyEnd - sector) / SECTOR_BYTES) * SECTOR_BYTES
      else if (isZero(record.buffer, sector, sectorEnd)) return true
      else sector += SECTOR_BYTES
    }
    return false
  }

  /**
   * Whether the log ends with a record that ends with a zero: the kernel may write a page to the disk while a record is being copied into
   * it, and what was copied by then ends anywhere. Properties end with a separator or with text; those of a foreign client that end with
   * a zero all the same are believed while anything stands behind them.
   */
  #isCutShort(): boolean {
    const { record } = this
    const { propertiesAt, propertiesEnd } = record
    if (propertiesAt === propertiesEnd || record.buffer[propertiesEnd - 1] !== 0) return false
    const recordEnd = this.end + record.bytes
    if (recordEnd + HEAD_BYTES > this.#fileEnd) return false
    const head = Buffer.alloc(HEAD_BYTES)
    this.#files.readSync(head, recordEnd)
    return isZero(head, 0, HEAD_BYTES)
  }

  #stop(isBad: boolean, reason: string): boolean {
    this.isBad = isBad
    this.reason = reason
    return false
  }

  get #fileEnd(): number {
    return this.#files.startOf(this.end) + this.#files.fileBytes
  }

  #skipBlank(): boolean {
    if (this.end + this.record.bytes !== this.#fileEnd) return false
    this.end = this.#fileEnd
    return true
  }

  /** Reads on so that the record that was cut is whole; false when its file does not hold it. */
  #fillRecord(): boolean {
    const needed = Math.max(this.record.bytes, HEAD_BYTES)
    if (this.end + needed > this.#fileEnd) return false
    const hadAll = this.#bufferAt + this.#bytes >= this.end + needed
    this.#fill(Math.max(needed, this.#readBytes))
    return !hadAll && this.#bytes >= needed
  }

  #fill(bytes: number): void {
    const wanted = Math.min(bytes, this.#fileEnd - this.end)
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafe(wanted)
    this.#bufferAt = this.end
    this.#bytes = this.#files.readSync(this.#buffer.subarray(0, wanted), this.end)
  }
}

function isZero(buffer: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (buffer[i] !== 0) return false
  return true
}
