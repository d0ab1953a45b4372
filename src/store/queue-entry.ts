import { int32At, int64At } from '../protocol/big-endian.ts'
import { setInt64 } from '../protocol/byte-view.ts'

/** Bytes of a ConsumeQueue entry: int64 CommitLog offset, int32 record size, int64 tags code. */
export const CQ_ENTRY_BYTES = 20

/** Size in an entry that only fills the place up to where a queue begins (RocketMQ's ConsumeQueue pre-fill). */
export const FILLER_SIZE = 0x7fffffff

/** Where in the CommitLog a message of a queue is. */
export interface QueueEntry {
  readonly physicalOffset: number
  readonly bytes: number
  readonly tagsCode: number
}

export function entryAt(buffer: Buffer, at: number): QueueEntry {
  return {
    physicalOffset: int64At(buffer, at),
    bytes: int32At(buffer, at + 8),
    tagsCode: int64At(buffer, at + 12),
  }
}

export function putEntry(
  view: DataView,
  at: number,
  physicalOffset: number,
  bytes: number,
  tagsCode: number,
): void {
  setInt64(view, at, physicalOffset)
  view.setInt32(at + 8, bytes)
  setInt64(view, at + 12, tagsCode)
}
