import { readNewest, replaceFileSync } from '../base/atomic-file.ts'
import type { Disk } from '../base/host.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import { writeAll } from './file-sequence.ts'

/** Lines above which the file is written anew at a start, when most of them say nothing any more. */
const LINES_MIN = 1000

/**
 * Which queues have files, and which topics were deleted and when: what the log alone does not tell. A line each, in the order
 * of events, `topic queueId` or `- topic logOffset`. By the first a start notices that queues were taken away, and builds
 * them again instead of beginning at offset 0 a second time; by the second it knows which records of a topic belong to one
 * that was deleted, and are not to be dispatched again.
 */
export class QueueInventory {
  /** For each deleted topic the end of the log at its deletion; for the start only. */
  readonly deletedTopics = new Map<string, number>()
  readonly #disk: Disk
  readonly #path: string
  /** Ids of each topic's queues, while the store starts. */
  #idsByTopic: Map<string, Set<number>> | undefined
  /** Queues that were found to have no folder. */
  #missing: { readonly topic: string; readonly queueId: number }[] = []
  /** Where the last whole line ends. */
  #end = 0

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /**
   * Reads the file. A store without one is taken as it is.
   * @param isCrash whether what is read may not be durable yet: the start acts on it, so it must be
   */
  load(queues: ConsumeQueueTable, isCrash: boolean): void {
    this.#idsByTopic = new Map()
    this.deletedTopics.clear()
    const newest = readNewest(this.#disk, this.#path, (content) => content)
    if (!newest) {
      for (const topic of queues.topicsOnDisk()) {
        this.#idsByTopic.set(topic, new Set(queues.queueIdsOnDisk(topic)))
      }
      this.#rewrite()
      return
    }
    const content = newest.value
    // what stands behind the last line's end was being written when the process died
    this.#end = content.lastIndexOf('\n') + 1
    const lines = content.toString('utf8', 0, this.#end).split('\n').slice(0, -1)
    for (const line of lines) this.#read(line)
    const liveCount = [...this.#idsByTopic.values()].reduce((sum, ids) => sum + ids.size, 0)
    const isStale = lines.length > LINES_MIN && lines.length > 2 * (liveCount + this.deletedTopics.size)
    if (newest.isBackup || isStale) this.#rewrite()
    else if (isCrash) this.#sync()
  }

  /**
   * The queues that should have files and have no folder, `topic queueId` each.
   * @param isThorough whether to look into each topic's folder too: with very many topics that takes time
   */
  missing(queues: ConsumeQueueTable, isThorough: boolean): string[] {
    const topics = new Set(queues.namesOnDisk())
    for (const [topic, ids] of this.#idsByTopic ?? []) {
      if (topics.has(topic) && !isThorough) continue
      const there = new Set(queues.queueIdsOnDisk(topic))
      for (const queueId of ids) if (!there.has(queueId)) this.#missing.push({ topic, queueId })
    }
    return this.#missing.map(({ topic, queueId }) => `${topic} ${queueId}`)
  }

  /** Whether the file names this queue; good until `started`. */
  has(queue: ConsumeQueue): boolean {
    return this.#idsByTopic?.get(queue.topic)?.has(queue.queueId) ?? false
  }

  /** Forgets that there are queues, durably: there is no log that they could belong to. */
  clear(): void {
    this.#idsByTopic = new Map()
    this.#rewrite()
  }

  /**
   * The start is done: gives its memory back, and forgets queues that have not come back (no message of them is left), and deletions
   * of topics whose records are all gone. A deletion behind the log's end is set to it: what comes there now belongs to
   * a new topic of that name.
   */
  started(log: { readonly minOffset: number; readonly end: number }, queues: ConsumeQueueTable): void {
    const gone = this.#missing.filter(({ topic, queueId }) => !queues.isThere(topic, queueId))
    for (const { topic, queueId } of gone) this.#idsOf(topic).delete(queueId)
    if (this.#forgetDeletions(log) || gone.length > 0) this.#rewrite()
    this.#missing = []
    this.#idsByTopic = undefined
    this.deletedTopics.clear()
  }

  /** Adds queues that have got their first file, durably. @throws the disk's error */
  append(queues: readonly ConsumeQueue[]): void {
    this.#append(queues.map(({ topic, queueId }) => `${topic} ${queueId}\n`))
    if (this.#idsByTopic) for (const { topic, queueId } of queues) this.#idsOf(topic).add(queueId)
  }

  /** Notes durably, before anything of it is deleted, that a topic is deleted. @throws the disk's error */
  deleteTopic(topic: string, logEnd: number): void {
    this.#append([`- ${topic} ${logEnd}\n`])
    // the file may be new
    this.#disk.syncDirSync(this.#path.slice(0, this.#path.lastIndexOf('/')))
  }

  /** @returns whether there is something to forget */
  #forgetDeletions(log: { readonly minOffset: number; readonly end: number }): boolean {
    let isChanged = false
    for (const [topic, offset] of this.deletedTopics) {
      if (offset > log.minOffset && offset <= log.end) continue
      isChanged = true
      if (offset > log.end && log.end > log.minOffset) this.deletedTopics.set(topic, log.end)
      else this.deletedTopics.delete(topic)
    }
    return isChanged
  }

  #read(line: string): void {
    const [first = '', second = '', third] = line.split(' ')
    if (third === undefined) this.#idsOf(first).add(Number(second))
    else {
      this.#idsByTopic?.delete(second)
      this.deletedTopics.set(second, Number(third))
    }
  }

  #idsOf(topic: string): Set<number> {
    const ids = this.#idsByTopic?.get(topic) ?? new Set()
    this.#idsByTopic?.set(topic, ids)
    return ids
  }

  #append(lines: readonly string[]): void {
    if (lines.length === 0) return
    const bytes = Buffer.from(lines.join(''))
    const file = this.#disk.openSync(this.#path, 'write')
    try {
      // the rest of an append that failed
      if (file.sizeSync() > this.#end) file.truncateSync(this.#end)
      writeAll(file, bytes, this.#end)
      file.datasyncSync()
      this.#end += bytes.length
    } finally {
      file.closeSync()
    }
  }

  #sync(): void {
    const file = this.#disk.openSync(this.#path, 'write')
    try {
      file.datasyncSync()
    } finally {
      file.closeSync()
    }
  }

  #rewrite(): void {
    const lines: string[] = []
    for (const [topic, offset] of this.deletedTopics) lines.push(`- ${topic} ${offset}\n`)
    for (const [topic, ids] of this.#idsByTopic ?? []) for (const id of ids) lines.push(`${topic} ${id}\n`)
    const content = Buffer.from(lines.join(''))
    replaceFileSync(this.#disk, this.#path, content)
    this.#end = content.length
  }
}
