import type { Clock, Disk, Logger } from '../base/host.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import { type CutReport, copyTail, endOfData } from './cut-tail.ts'
import type { IndexService } from './index-service.ts'
import { LogWalk } from './log-walk.ts'
import type { Positions } from './positions.ts'
import { QueueGap, Redispatch } from './redispatch.ts'
import type { TagsCode } from './tags-code.ts'

/** What the start found and did. */
export interface RecoveryReport {
  readonly wasCleanStop: boolean
  /** Offset from which on records were checked and dispatched again. */
  readonly scannedFrom: number
  readonly scannedRecords: number
  /** End of the log. */
  readonly end: number
  readonly cut: CutReport | undefined
  /** Whether queues lacked entries, and all were held against the whole log. */
  readonly wereQueuesRebuilt: boolean
}

export interface RecoveryParts {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly log: CommitLog
  readonly queues: ConsumeQueueTable
  readonly index: IndexService | undefined
  readonly tagsCode: TagsCode
  /** Positions of the store's own, if it has any that are whole and fit the log. */
  readonly positions: Positions | undefined
  /** For each topic that was deleted, the end of the log at that time. */
  readonly deletedTopics: ReadonlyMap<string, number>
  /** Whether the last process stopped cleanly: no `abort` file. */
  readonly wasCleanStop: boolean
  /** Whether a datasync of the last process failed: the device may lack what the files seem to hold. */
  readonly mustWrite: boolean
  /** Folder for what is cut. */
  readonly cutDir: string
  /** The end of the log that queues may point up to while recovery goes on, and what the last record before it was. */
  readonly confirm: (end: number, last: { storeMs: number; recordAt: number }) => void
  /** Whether queues have lost their files. */
  readonly areQueuesMissing: boolean
  /** Called before queues are built again from the whole log: should that be cut, no start may believe what was noted of them. */
  readonly onQueuesLost: () => void
}

interface Scan {
  readonly from: number
  readonly walk: LogWalk
  readonly redo: Redispatch
}

/**
 * Makes log, queues and index agree after any kind of stop (protocol/storage.md §6, rules R1 to R5). The log is the truth: from
 * the last position that is known to be durable everywhere, every record is checked and dispatched again, over what queues
 * have of it already. The log ends at its first bad record; what stands behind is copied aside, reported and zeroed. Doing this
 * twice, or being cut while doing it, ends in the same state. Only the log is durable then; the rest is by the next checkpoint.
 */
export function recover(parts: RecoveryParts): RecoveryReport {
  const { log, positions, index, wasCleanStop } = parts
  const from = firstOffset(parts)
  if (!wasCleanStop || parts.mustWrite) makeDurable(parts, from)
  index?.open(positions?.index, !wasCleanStop)
  let scan = parts.areQueuesMissing ? undefined : dispatchFrom(parts, from)
  const wereQueuesRebuilt = scan === undefined
  if (!scan) {
    // queues keep what they have, as far as the log agrees: offsets of messages that have expired are nowhere else
    parts.onQueuesLost()
    scan = dispatchFrom(parts, log.files.firstOffset) as Scan
  }
  const { walk, redo } = scan
  const cut = endLog(parts, walk)
  const storeMs = Math.max(redo.lastStoreMs, positions?.lastStoreTimestampMs ?? 0)
  const recordAt = redo.lastRecordAt >= 0 ? redo.lastRecordAt : (positions?.lastRecordAt ?? -1)
  parts.confirm(walk.end, { storeMs, recordAt })
  return {
    ...{ wasCleanStop, scannedFrom: scan.from, scannedRecords: walk.recordCount, end: walk.end, cut },
    wereQueuesRebuilt,
  }
}

/** The offset of a record from which on something may be missing somewhere. */
function firstOffset(parts: RecoveryParts): number {
  const { files } = parts.log
  const { positions } = parts
  if (positions) return Math.max(positions.dispatched, files.firstOffset)
  if (!parts.wasCleanStop || parts.queues.topicsOnDisk().length === 0) return files.firstOffset
  // a store that RocketMQ closed: all is dispatched, and the last three files are checked, as RocketMQ does
  return files.starts.at(-3) ?? files.firstOffset
}

/**
 * Makes durable what a killed process has left with the kernel: what is dispatched again may go to the queues' files only then.
 * Where a datasync had failed, asking again would be answered with a lie, so it is written once more.
 */
function makeDurable(parts: RecoveryParts, from: number): void {
  const { files } = parts.log
  if (parts.mustWrite) files.rewrite(from, endOfData(files, from))
  for (const start of files.starts) if (start + files.fileBytes > from) files.datasyncSync(start)
  files.syncNames()
}

/**
 * Dispatches all records from `from` to the end of the log again.
 * @returns undefined when a queue lacks entries of records before
 */
function dispatchFrom(parts: RecoveryParts, from: number): Scan | undefined {
  const { log, index, deletedTopics } = parts
  const redo = new Redispatch(parts)
  if (index) indexUpTo(parts, index, from)
  const indexedEnd = index?.nextOffset ?? 0
  // queues may point to records that are not checked yet: believed as far as the log agrees
  log.open(log.files.endOffset, log.files.endOffset)
  parts.confirm(log.files.endOffset, { storeMs: 0, recordAt: -1 })
  const walk = new LogWalk(log.files, from)
  const rules = { isWholeLog: from === log.files.firstOffset, deletedTopics }
  try {
    while (walk.next()) {
      redo.queue(walk.record, rules)
      if (index && walk.record.physicalOffset >= indexedEnd) indexRecord(index, redo, walk.record)
    }
  } catch (error) {
    if (!(error instanceof QueueGap)) throw error
    parts.logger.warn(
      { reason: error.message },
      'queues lack entries: they are built again from the whole log',
    )
    return undefined
  }
  return { from, walk, redo }
}

/** Ends the log where the walk ended. */
function endLog(parts: RecoveryParts, walk: LogWalk): CutReport | undefined {
  const { log, queues, logger } = parts
  const { files } = log
  const { end } = walk
  // after a clean stop nothing but zeros stands behind: they need not be read
  const isSure = parts.wasCleanStop && !walk.isBad
  const cut = isSure ? undefined : copyTail({ ...parts, files, dir: parts.cutDir }, end, walk.reason)
  if (cut) {
    logger.error(cut, 'the log was cut at its first bad record; what stood behind is kept aside')
    for (const path of files.truncate(end))
      logger.warn({ path, end }, 'log file deleted: it stood behind the cut')
    if (files.has(end)) files.datasyncSync(files.startOf(end))
  }
  log.open(end, end)
  if (parts.index) {
    parts.index.cutBehind(end)
    indexUpTo(parts, parts.index, end)
  }
  if (cut) {
    // RocketMQ would believe entries that point behind the end once the log has grown past it
    queues.openAll()
    for (const queue of queues.open()) {
      queue.cutBehind(end)
      queues.markDirty(queue)
    }
  }
  return cut
}

/** Indexes the messages before `end` that the index lacks. */
function indexUpTo(parts: RecoveryParts, index: IndexService, end: number): void {
  const { files } = parts.log
  const indexedEnd = index.nextOffset
  if (indexedEnd >= end) return
  const redo = new Redispatch(parts)
  const walk = new LogWalk(files, Math.max(files.startOf(indexedEnd), files.firstOffset))
  while (walk.end < end && walk.next()) {
    if (walk.record.physicalOffset >= indexedEnd) indexRecord(index, redo, walk.record)
  }
}

function indexRecord(index: IndexService, redo: Redispatch, record: RecordScan): void {
  const { hashes, count } = redo.keysOf(record)
  index.put(hashes, 0, count, record.physicalOffset, record.storeTimestampMs)
}
