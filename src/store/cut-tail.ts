import type { Clock, Disk } from '../base/host.ts'
import { type FileSequence, offsetName, writeAll } from './file-sequence.ts'
import { LogWalk } from './log-walk.ts'

const READ_BYTES = 4 * 1024 * 1024

/** Bytes of a record's size and magic, and what both magic numbers begin with. */
const HEAD_BYTES = 8
const MAGIC_BEGIN = Buffer.from([0xda, 0xa3, 0x20])

/** What recovery cut off the end of the log. */
export interface CutReport {
  /** Offset from which on the log was cut. */
  readonly offset: number
  readonly reason: string
  /** Bytes up to the last one that was not zero. */
  readonly bytes: number
  /** Whole records among them, which stood behind the first bad one. */
  readonly recordCount: number
  /** Where they were copied to. */
  readonly copiedTo: string
}

/**
 * Copies aside what stands in the log's files behind its end, and says what it was: nothing is dropped unseen
 * (R5, issue apache/rocketmq#9121). The copy is durable when this returns; cutting is the caller's.
 * @returns undefined when only zeros stand there
 */
export function copyTail(
  parts: { disk: Disk; clock: Clock; files: FileSequence; dir: string },
  end: number,
  reason: string,
): CutReport | undefined {
  const { disk, files, dir } = parts
  const dataEnd = endOfData(files, end)
  if (dataEnd <= end) return undefined
  disk.mkdirSync(dir)
  const copiedTo = `${dir}/${offsetName(end)}-${parts.clock.nowMs()}`
  const copy = disk.openSync(copiedTo, 'create')
  try {
    for (let at = end; at < dataEnd; ) {
      const part = Buffer.allocUnsafe(Math.min(READ_BYTES, dataEnd - at))
      files.readSync(part, at)
      writeAll(copy, part, at - end)
      at += part.length
    }
    copy.datasyncSync()
  } finally {
    copy.closeSync()
  }
  disk.syncDirSync(dir)
  return {
    offset: end,
    reason,
    bytes: dataEnd - end,
    recordCount: countRecords(files, end, dataEnd),
    copiedTo,
  }
}

/** Offset behind the last byte from `from` on that is not zero; `from` when there is none. */
export function endOfData(files: FileSequence, from: number): number {
  for (const start of files.starts.toReversed()) {
    if (start + files.fileBytes <= from) break
    const dataEnd = files.dataEnd(start, Math.max(from, start))
    if (dataEnd > Math.max(from, start)) return dataEnd
  }
  return from
}

/** Whole records at their own offsets, wherever they begin. */
function countRecords(files: FileSequence, from: number, end: number): number {
  let count = 0
  for (let at = from; at < end; ) {
    const walk = new LogWalk(files, nextMagic(files, at, end))
    while (walk.end < end && walk.next());
    count += walk.recordCount
    at = walk.end + 1
  }
  return count
}

/** The next offset from `from` on at which a record may begin; `end` when there is none. */
function nextMagic(files: FileSequence, from: number, end: number): number {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - from) + HEAD_BYTES)
  for (let at = from; at < end; at += buffer.length - HEAD_BYTES) {
    const part = buffer.subarray(0, files.readSync(buffer, at))
    const found = part.indexOf(MAGIC_BEGIN, 4)
    if (found >= 0) return at + found - 4
  }
  return end
}
