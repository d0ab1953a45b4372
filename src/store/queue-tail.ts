import { int32At, int64At } from '../protocol/big-endian.ts'
import { viewOf } from '../protocol/byte-view.ts'
import { CQ_ENTRY_BYTES, putEntry } from './queue-entry.ts'

const ENTRIES_MIN = 16

/** The newest entries of a queue in memory: a ring in which entry i stands at (i modulo capacity). Empty, it takes no room. */
export class QueueTail {
  /** The ring; `byteOf` says where in it an entry stands. */
  buffer: Buffer = EMPTY
  #view = EMPTY_VIEW
  /** Entries that it has room for. */
  capacity = 0
  /** Queue offset of the first entry that is there. */
  from = 0

  byteOf(queueOffset: number): number {
    return (queueOffset % this.capacity) * CQ_ENTRY_BYTES
  }

  put(queueOffset: number, physicalOffset: number, bytes: number, tagsCode: number): void {
    putEntry(this.#view, this.byteOf(queueOffset), physicalOffset, bytes, tagsCode)
  }

  copyTo(target: Buffer, queueOffset: number): void {
    const at = this.byteOf(queueOffset)
    this.buffer.copy(target, 0, at, at + CQ_ENTRY_BYTES)
  }

  /** Offset of the log at which the record begins that an entry points to. */
  recordAt(queueOffset: number): number {
    return int64At(this.buffer, this.byteOf(queueOffset))
  }

  /** Offset of the log behind the record that an entry points to. */
  recordEndOf(queueOffset: number): number {
    const at = this.byteOf(queueOffset)
    return int64At(this.buffer, at) + int32At(this.buffer, at + 8)
  }

  /** A larger ring with the same entries. @param end queue offset behind the last of them */
  grow(end: number): void {
    const capacity = Math.max(ENTRIES_MIN, this.capacity * 4)
    const grown = Buffer.allocUnsafeSlow(capacity * CQ_ENTRY_BYTES)
    // as much at once as lies together in both rings
    for (let index = this.from; index < end; ) {
      const before = index % this.capacity
      const count = Math.min(end - index, this.capacity - before, capacity - (index % capacity))
      const at = before * CQ_ENTRY_BYTES
      this.buffer.copy(grown, (index % capacity) * CQ_ENTRY_BYTES, at, at + count * CQ_ENTRY_BYTES)
      index += count
    }
    this.buffer = grown
    this.#view = viewOf(grown)
    this.capacity = capacity
  }

  /** Gives the memory back; the next entry will be `from`. */
  clear(from: number): void {
    this.buffer = EMPTY
    this.#view = EMPTY_VIEW
    this.capacity = 0
    this.from = from
  }
}

const EMPTY = Buffer.alloc(0)
const EMPTY_VIEW = viewOf(EMPTY)
