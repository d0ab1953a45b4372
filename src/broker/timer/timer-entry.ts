import { int32At, int64At, putInt32, putInt64 } from '../../protocol/big-endian.ts'

/** What is to be done when an entry falls due; the bits are those of RocketMQ's timer log. */
export const TimerKind = {
  /** The message goes to its topic. */
  DELIVER: 1,
  /** The message is stored again, so that it does not expire with its log file; its time is still to come. */
  ROLL: 2,
  /** Another message, named by this one, is not to be delivered. */
  DELETE: 4,
} as const

/** A place in the order in which timer messages fall due. */
export interface TimerPosition {
  readonly dueMs: number
  /** Of the message in the timer topic's queue: no two entries have the same. */
  readonly queueOffset: number
}

/** A timer message as the index has it. */
export interface TimerEntry extends TimerPosition {
  /** Where the record lies in the log. */
  readonly physicalOffset: number
  readonly bytes: number
  /** One of `TimerKind`. */
  readonly kind: number
}

/** Before all entries. */
export const TIMER_BEGIN: TimerPosition = { dueMs: 0, queueOffset: 0 }

/** Bytes of an entry in a run: int64 due, int64 queue offset, int64 log offset, int32 record size, int32 kind. */
export const TIMER_ENTRY_BYTES = 32

/** Negative when `one` falls due before `other`. */
export function compareTimers(one: TimerPosition, other: TimerPosition): number {
  return one.dueMs - other.dueMs || one.queueOffset - other.queueOffset
}

/** The first place behind an entry. */
export function behindTimer({ dueMs, queueOffset }: TimerPosition): TimerPosition {
  return { dueMs, queueOffset: queueOffset + 1 }
}

/** Writes an entry, `TIMER_ENTRY_BYTES` long. */
export function putTimerEntry(target: Buffer, at: number, entry: TimerEntry): void {
  putInt64(target, at, entry.dueMs)
  putInt64(target, at + 8, entry.queueOffset)
  putInt64(target, at + 16, entry.physicalOffset)
  putInt32(target, at + 24, entry.bytes)
  putInt32(target, at + 28, entry.kind)
}

/** Reads what `putTimerEntry` has written. */
export function timerEntryAt(source: Buffer, at: number): TimerEntry {
  return {
    dueMs: int64At(source, at),
    queueOffset: int64At(source, at + 8),
    physicalOffset: int64At(source, at + 16),
    bytes: int32At(source, at + 24),
    kind: int32At(source, at + 28),
  }
}
