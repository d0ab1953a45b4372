import { RecordScan } from '../protocol/record-scan.ts'
import type { SliceList } from './slice-list.ts'

const EMPTY = Buffer.alloc(0)

/** Goes through the records that a read of a queue has found, from a copy: what the reader holds is gone with its next read. */
export class FoundRecords {
  /** The record that it stands on; of a damaged one only `reason` counts. Holds until the next one. */
  readonly record = new RecordScan()
  #bytes = EMPTY
  #at = 0

  /** Copies what was found, and stands before the first record. */
  copy(slices: SliceList): void {
    this.#bytes = Buffer.allocUnsafe(slices.bytes)
    slices.copyTo(this.#bytes, 0)
    this.#at = 0
  }

  /** Goes on to the next record. Behind a damaged one nothing can be found. */
  next(): 'message' | 'damaged' | 'end' {
    const { record } = this
    if (this.#at === this.#bytes.length) {
      this.#bytes = EMPTY
      this.#at = 0
      return 'end'
    }
    const offset = Number(this.#bytes.readBigInt64BE(this.#at + 28))
    if (record.read(this.#bytes, this.#at, this.#bytes.length, offset) !== 'message') return 'damaged'
    this.#at += record.bytes
    return 'message'
  }
}
