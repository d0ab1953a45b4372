import { type RecordKind, RecordScan } from '../protocol/record-scan.ts'
import type { FileSequence } from './file-sequence.ts'

/** Bytes read at once, by default. */
const READ_BYTES = 4 * 1024 * 1024

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
      if (kind === 'message') {
        this.end += this.record.bytes
        this.recordCount++
        return true
      }
      const reason = this.#goOnFrom(kind)
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
