import { MqError } from '../base/errors.ts'
import type { Disk } from '../base/host.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { FileSequence } from './file-sequence.ts'
import { HandlePool } from './handle-pool.ts'
import { LogWalk } from './log-walk.ts'
import { CQ_ENTRY_BYTES, entryAt, type QueueEntry } from './queue-entry.ts'

const HANDLES_MAX = 64

/** Entries of a queue read at once. */
const WINDOW_ENTRIES = 1024

/** One queue, as the log and its files have it. */
export interface InspectedQueue {
  readonly topic: string
  readonly queueId: number
  /** Messages of it in the log. */
  messages: number
  /** Of the first and the last of them. */
  minOffset: number
  maxOffset: number
  /** Places at which the next message of the log does not have the next offset. */
  holes: number
  /** Messages whose entry is missing or points elsewhere: the queue has to be built again. */
  wrongEntries: number
}

/** What stands in a store directory. */
export interface StoreInspection {
  readonly logFileBytes: number
  readonly queueFileBytes: number
  readonly records: number
  readonly minOffset: number
  /** Where the last whole record ends. */
  readonly end: number
  /** Whether bytes that are no record follow there, rather than nothing. */
  readonly isDamaged: boolean
  /** Why the log ends there. */
  readonly reason: string
  /** Whether the process that had it did not stop cleanly. */
  readonly wasKilled: boolean
  /** Store times of the first and last record, in milliseconds since 1970; 0 in an empty store. */
  readonly firstStoredMs: number
  readonly lastStoredMs: number
  /** By topic and queue id. */
  readonly queues: readonly InspectedQueue[]
}

/** Looks through a store directory, ours or RocketMQ's, without changing anything. Nobody may be at work in it. */
export class StoreInspector {
  readonly #disk: Disk
  readonly #rootDir: string
  readonly #handles: HandlePool

  constructor(disk: Disk, rootDir: string) {
    this.#disk = disk
    this.#rootDir = rootDir
    this.#handles = new HandlePool(disk, HANDLES_MAX)
  }

  /** Size of the log's files, by the first of them. @throws MqError storeUnreadable when there is none */
  get logFileBytes(): number {
    const bytes = this.#fileBytesIn(`${this.#rootDir}/commitlog`)
    if (bytes === undefined) throw new MqError('storeUnreadable', `${this.#rootDir}/commitlog holds no file`)
    return bytes
  }

  /** Size of the queues' files, by the first that is found; 0 without any. */
  get queueFileBytes(): number {
    for (const { topic, queueId } of this.#queueDirs()) {
      const bytes = this.#fileBytesIn(this.#queueDir(topic, queueId))
      if (bytes !== undefined) return bytes
    }
    return 0
  }

  /**
   * Goes through the whole log, and compares each message with its queue.
   * @throws MqError storeUnreadable, storeLocked while a process has it
   */
  inspect(): StoreInspection {
    const lock = this.#disk.lockSync(`${this.#rootDir}/lock`)
    try {
      return this.#inspect()
    } finally {
      this.#handles.closeAll()
      lock.release()
    }
  }

  /** Hands the records of the log from an offset on to `visit`, until that returns false. @throws as `inspect` */
  visit(from: number, visit: (record: RecordScan) => boolean): void {
    const lock = this.#disk.lockSync(`${this.#rootDir}/lock`)
    try {
      const files = this.#logFiles()
      const walk = new LogWalk(files, Math.max(from, files.firstOffset))
      while (walk.next()) if (!visit(walk.record)) return
    } finally {
      this.#handles.closeAll()
      lock.release()
    }
  }

  #inspect(): StoreInspection {
    const files = this.#logFiles()
    const queueFileBytes = this.queueFileBytes
    const queues = new Map<string, InspectedQueue>()
    const windows = new Map<string, QueueWindow>()
    const walk = new LogWalk(files, files.firstOffset)
    const { record } = walk
    let [firstStoredMs, lastStoredMs] = [0, 0]
    while (walk.next()) {
      firstStoredMs ||= record.storeTimestampMs
      lastStoredMs = record.storeTimestampMs
      const { topic, queueId } = record
      if (!isQueued(record)) continue
      const key = `${topic}/${queueId}`
      const queue = queues.get(key) ?? newQueue(record)
      queues.set(key, queue)
      count(queue, record)
      const window = windows.get(key) ?? this.#window(topic, queueId, queueFileBytes)
      windows.set(key, window)
      if (!isEntryOf(window.entry(record.queueOffset), record)) queue.wrongEntries++
    }
    return {
      logFileBytes: files.fileBytes,
      queueFileBytes,
      records: walk.recordCount,
      minOffset: files.firstOffset,
      end: walk.end,
      isDamaged: walk.isBad,
      reason: walk.reason,
      wasKilled: this.#disk.statSync(`${this.#rootDir}/abort`) !== undefined,
      ...{ firstStoredMs, lastStoredMs },
      queues: [...queues.values()].sort(compareQueues),
    }
  }

  #logFiles(): FileSequence {
    const files = new FileSequence({
      ...{ disk: this.#disk, handles: this.#handles },
      ...{ dir: `${this.#rootDir}/commitlog`, fileBytes: this.logFileBytes },
    })
    files.load()
    return files
  }

  #window(topic: string, queueId: number, fileBytes: number): QueueWindow {
    const dir = this.#queueDir(topic, queueId)
    if (fileBytes === 0 || !this.#disk.statSync(dir)) return new QueueWindow(undefined)
    const files = new FileSequence({ disk: this.#disk, handles: this.#handles, dir, fileBytes })
    files.load()
    return new QueueWindow(files)
  }

  #queueDirs(): { topic: string; queueId: string }[] {
    const root = `${this.#rootDir}/consumequeue`
    return this.#disk
      .listSync(root)
      .flatMap((topic) => this.#disk.listSync(`${root}/${topic}`).map((queueId) => ({ topic, queueId })))
  }

  #queueDir(topic: string, queueId: number | string): string {
    return `${this.#rootDir}/consumequeue/${topic}/${queueId}`
  }

  #fileBytesIn(dir: string): number | undefined {
    const [first] = this.#disk.listSync(dir).filter((name) => /^\d{20}$/.test(name))
    return first === undefined ? undefined : this.#disk.statSync(`${dir}/${first}`)?.sizeBytes
  }
}

/** Entries of one queue, read a stretch at a time. */
class QueueWindow {
  readonly #files: FileSequence | undefined
  readonly #buffer = Buffer.alloc(WINDOW_ENTRIES * CQ_ENTRY_BYTES)
  #first = -1
  #bytes = 0

  constructor(files: FileSequence | undefined) {
    this.#files = files
  }

  /** The entry of an offset; undefined where the files do not reach. */
  entry(queueOffset: number): QueueEntry | undefined {
    if (!this.#files) return undefined
    const first = queueOffset - (queueOffset % WINDOW_ENTRIES)
    if (first !== this.#first) {
      this.#first = first
      this.#bytes = this.#read(this.#files, first * CQ_ENTRY_BYTES)
    }
    const at = (queueOffset - first) * CQ_ENTRY_BYTES
    return at + CQ_ENTRY_BYTES <= this.#bytes ? entryAt(this.#buffer, at) : undefined
  }

  #read(files: FileSequence, start: number): number {
    // a queue need not begin at a whole window: what is before its first file is never asked for
    const from = Math.max(start, files.firstOffset)
    if (!files.has(from)) return 0
    const target = this.#buffer.subarray(from - start)
    const bytes = files.readSync(target.subarray(0, Math.min(target.length, files.endOffset - from)), from)
    return from - start + bytes
  }
}

/** Half messages that were never to be read, and rolled back ones, have no entry (RocketMQ CommitLogDispatcherBuildConsumeQueue). */
function isQueued({ sysFlag }: RecordScan): boolean {
  const transaction = sysFlag & MessageSysFlag.TRANSACTION_MASK
  return (
    transaction !== MessageSysFlag.TRANSACTION_PREPARED && transaction !== MessageSysFlag.TRANSACTION_ROLLBACK
  )
}

function newQueue({ topic, queueId, queueOffset }: RecordScan): InspectedQueue {
  const offsets = { minOffset: queueOffset, maxOffset: queueOffset - 1 }
  return { topic, queueId, messages: 0, ...offsets, holes: 0, wrongEntries: 0 }
}

function count(queue: InspectedQueue, { queueOffset }: RecordScan): void {
  queue.messages++
  if (queueOffset !== queue.maxOffset + 1) queue.holes++
  queue.maxOffset = queueOffset
}

function isEntryOf(entry: QueueEntry | undefined, { physicalOffset, bytes }: RecordScan): boolean {
  return entry?.physicalOffset === physicalOffset && entry.bytes === bytes
}

function compareQueues(one: InspectedQueue, other: InspectedQueue): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1
  return one.queueId - other.queueId
}
