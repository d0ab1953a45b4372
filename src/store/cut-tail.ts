import type { Clock, Disk } from '../base/host.ts'
import { int32At } from '../protocol/big-endian.ts'
import { RecordMagic } from '../protocol/record-draft.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { type FileSequence, offsetName } from './file-sequence.ts'

const READ_BYTES = 4 * 1024 * 1024

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
      let done = 0
      while (done < part.length) done += copy.writeSync([part.subarray(done)], at - end + done)
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
function endOfData(files: FileSequence, from: number): number {
  const zeros = Buffer.alloc(READ_BYTES)
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  let dataEnd = from
  for (let at = from; at < files.endOffset; ) {
    const part = buffer.subarray(
      0,
      files.readSync(buffer.subarray(0, Math.min(READ_BYTES, files.endOffset - at)), at),
    )
    if (part.length === 0) break
    if (part.compare(zeros, 0, part.length) !== 0) {
      let last = part.length
      while (part[last - 1] === 0) last--
      dataEnd = at + last
    }
    at += part.length
  }
  return dataEnd
}

/** Whole records at their own offsets, wherever they begin. */
function countRecords(files: FileSequence, from: number, end: number): number {
  const record = new RecordScan()
  let count = 0
  for (let at = from; at + 8 <= end; ) {
    const fileEnd = Math.min(files.startOf(at) + files.fileBytes, end)
    const part = Buffer.allocUnsafe(fileEnd - at)
    const bytes = files.readSync(part, at)
    for (let i = 0; i + 8 <= bytes; ) {
      const magic = int32At(part, i + 4)
      const isRecord =
        (magic === RecordMagic.V1 || magic === RecordMagic.V2) &&
        record.read(part, i, bytes, at + i) === 'message'
      if (isRecord) count++
      i += isRecord ? record.bytes : 1
    }
    at = fileEnd
  }
  return count
}
