import { errnoOf, MqError } from '../base/errors.ts'
import type { Disk } from '../base/host.ts'
import type { BlockCache } from './block-cache.ts'
import { type Awaited, ConsumeQueue, type QueueLog } from './consume-queue.ts'
import { FileSequence } from './file-sequence.ts'
import type { HandlePool } from './handle-pool.ts'
import { topicKeyHash } from './index-keys.ts'
import { CQ_ENTRY_BYTES, entryAt } from './queue-entry.ts'
import type { QuickReads } from './quick-reads.ts'

/** Entries of a queue read at once from its files. */
const BLOCK_ENTRIES = 800

/** Queues of a topic in use from which on its folder is listed once: most of very many have no files, and none need be looked for. */
const QUEUES_TO_LIST = 16

/** Files and folders synced at the same time: file systems make one commit of several, and a thread of the pool stays free for the log. */
const SYNCS_AT_ONCE = 3

/** Entries of a queue that a checkpoint writes in one turn of the event loop. */
const SLICE_ENTRIES = 8192

/** Keys of queue blocks in the cache begin here, behind those of the log. */
const QUEUE_KEY_BASE = 2 ** 32

/** All queues of one topic, and what the store needs to know of its name. */
export interface TopicQueues extends Awaited {
  readonly topic: string
  /** The name in UTF-8, as it goes into records. */
  readonly topicBytes: Buffer
  /** See `topicKeyHash`. */
  readonly keyHash: number
  /** By queue id; holes where a queue was never used. */
  readonly queues: (ConsumeQueue | undefined)[]
  /** How many of them there are. */
  queueCount: number
  /** Ids of the queues with a folder, as of the time when there came to be many. */
  idsOnDisk: ReadonlySet<number> | undefined
}

/** All ConsumeQueues of a store. Objects are made when a queue is first used, files when it gets its first message. */
export class ConsumeQueueTable {
  readonly #disk: Disk
  readonly #handles: HandlePool
  readonly #dir: string
  readonly #fileBytes: number
  readonly #log: QueueLog
  readonly #cache: BlockCache
  readonly #quick: QuickReads
  readonly #topics = new Map<string, TopicQueues>()
  /** Queues with entries that are not in their files. */
  readonly #dirty = new Set<ConsumeQueue>()
  /** Queues with files that no datasync has confirmed. */
  readonly #unsynced = new Set<ConsumeQueue>()
  /** Folders in which queues have been made since the last sync. */
  readonly #unsyncedDirs = new Set<string>()
  /** Queues that may have entries in memory. */
  readonly #warm = new Set<ConsumeQueue>()
  /** Queues that have got their first file. */
  #newQueues: ConsumeQueue[] = []
  #nextId = 0

  constructor(parts: {
    disk: Disk
    handles: HandlePool
    dir: string
    fileBytes: number
    log: QueueLog
    cache: BlockCache
    quick: QuickReads
  }) {
    this.#disk = parts.disk
    this.#handles = parts.handles
    this.#dir = parts.dir
    this.#fileBytes = parts.fileBytes
    this.#log = parts.log
    this.#cache = parts.cache
    this.#quick = parts.quick
  }

  topic(topic: string): TopicQueues {
    const known = this.#topics.get(topic)
    if (known) return known
    // names are checked by the doors; this one keeps a damaged or foreign log from leading out of the store's folder
    if (topic === '' || topic === '.' || topic === '..' || /[/\0]/.test(topic)) {
      throw new MqError('invalidParameter', `topic "${topic}" cannot be the name of a folder`)
    }
    const queues: TopicQueues = {
      ...{ topic, topicBytes: Buffer.from(topic), keyHash: topicKeyHash(topic) },
      ...{ queues: [], queueCount: 0, idsOnDisk: undefined, awaiterCount: 0 },
    }
    this.#topics.set(topic, queues)
    return queues
  }

  /** The queue, opened. */
  queue(topic: TopicQueues, queueId: number): ConsumeQueue {
    const known = topic.queues[queueId]
    if (known?.isOpen) return known
    const queue = known ?? this.#make(topic, queueId)
    if (this.#mayHaveFiles(topic, queueId)) queue.open()
    else queue.openEmpty()
    return queue
  }

  /** False for one of many queues that has no folder. A folder is made by the queue itself alone, which is open then. */
  #mayHaveFiles(topic: TopicQueues, queueId: number): boolean {
    if (topic.queueCount < QUEUES_TO_LIST) return true
    topic.idsOnDisk ??= new Set(this.queueIdsOnDisk(topic.topic))
    return topic.idsOnDisk.has(queueId)
  }

  /** As `queue`, where its records are dispatched again from this offset on. */
  queueAt(topic: TopicQueues, queueId: number, queueOffset: number): ConsumeQueue {
    const queue = topic.queues[queueId] ?? this.#make(topic, queueId)
    queue.openAt(queueOffset)
    return queue
  }

  /** The queue if it has ever had a message here, opened; it is not made. */
  existing(topic: string, queueId: number): ConsumeQueue | undefined {
    const queues = this.#topics.get(topic)
    const known = queues?.queues[queueId]
    if (known) return this.queue(queues, queueId)
    if (!this.#disk.statSync(this.#dirOf(topic, queueId))) return undefined
    return this.queue(this.topic(topic), queueId)
  }

  /** Whether a queue has a folder, or will get one with the next flush. */
  isThere(topic: string, queueId: number): boolean {
    const known = this.#topics.get(topic)?.queues[queueId]
    if (known?.isOpen && known.maxOffset > 0) return true
    return this.#disk.statSync(this.#dirOf(topic, queueId)) !== undefined
  }

  /** Dispatch says so once a turn and queue that has got entries. */
  markDirty(queue: ConsumeQueue): void {
    if (queue.isDeleted) return
    queue.isUsed = true
    this.#dirty.add(queue)
    this.#warm.add(queue)
  }

  /** Reads entries from `queueOffset` on into the cache. @throws the disk's error */
  async load(queue: ConsumeQueue, queueOffset: number): Promise<void> {
    const { key, start, bytes, flushedEnd } = this.#blockOf(queue, queueOffset)
    try {
      await this.#cache.load(key, bytes, async (target) => {
        return Math.min(await queue.files.read(target, start), flushedEnd - start)
      })
    } catch (error) {
      // the file has expired, or the queue was deleted, in between: the next read says so
      const isGone = queue.isDeleted || queueOffset < queue.minOffset
      if (errnoOf(error) !== 'ENOENT' || !isGone) throw error
    }
  }

  /**
   * As `find`, after a read on the event loop where that is quick: a reader comes from the entry before, whose record is near enough to
   * the end of the log.
   */
  findQuickly(queue: ConsumeQueue, queueOffset: number): boolean {
    if (queueOffset === 0 || !this.find(queue, queueOffset - 1)) return false
    const { physicalOffset } = entryAt(this.foundBuffer, this.foundAt)
    if (!this.#quick.allows(this.#log.confirmedEnd - physicalOffset)) return false
    const { key, start, bytes, flushedEnd } = this.#blockOf(queue, queueOffset)
    try {
      this.#cache.loadSync(key, bytes, (target) =>
        this.#quick.run(() => Math.min(queue.files.readSync(target, start), flushedEnd - start)),
      )
    } catch {
      // it is met again, and told, by `load`
      return false
    }
    return this.find(queue, queueOffset)
  }

  /**
   * Finds an entry in memory and says where by `foundBuffer`, `foundAt` and `foundCount`, the number of entries that
   * follow one another there, it included.
   * @returns false when it has to be loaded first
   */
  find(queue: ConsumeQueue, queueOffset: number): boolean {
    const { tail } = queue
    if (queueOffset >= tail.from) {
      this.foundBuffer = tail.buffer
      this.foundAt = tail.byteOf(queueOffset)
      const toRingEnd = (tail.buffer.length - this.foundAt) / CQ_ENTRY_BYTES
      this.foundCount = Math.min(toRingEnd, queue.maxOffset - queueOffset)
      return true
    }
    const first = this.#blockStart(queueOffset)
    const cached = this.#cache.find(this.#keyOf(queue, first))
    const at = (queueOffset - first) * CQ_ENTRY_BYTES
    if (!cached || cached.bytes < at + CQ_ENTRY_BYTES) return false
    this.foundBuffer = cached.buffer
    this.foundAt = at
    this.foundCount = Math.floor((cached.bytes - at) / CQ_ENTRY_BYTES)
    return true
  }

  /** Tags code of the entry so many behind the one found last. */
  foundTagsCode(index: number): number {
    return entryAt(this.foundBuffer, this.foundAt + index * CQ_ENTRY_BYTES).tagsCode
  }

  foundBuffer: Buffer = Buffer.alloc(0)
  foundAt = 0
  foundCount = 0

  /**
   * Hands entries to the kernel, as far as the device has their records.
   * @throws the first error of the disk, after all queues had their turn; what is not written stays in memory
   */
  flush(): void {
    const failures: unknown[] = []
    for (const queue of [...this.#dirty]) {
      try {
        this.#flush(queue)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** @returns whether the queue has more to write than so many entries */
  #flush(queue: ConsumeQueue, countMax?: number): boolean {
    this.#dirty.delete(queue)
    try {
      return queue.flush(countMax)
    } finally {
      if (queue.hasUnflushed && !queue.isDeleted) this.#dirty.add(queue)
      if (queue.isNew) {
        queue.isNew = false
        this.#newQueues.push(queue)
        this.noteDir(queue)
      }
      if (queue.hasUnsynced) this.#unsynced.add(queue)
    }
  }

  /** Notes that the folders in which the queue's own folder stands are to be synced. */
  noteDir(queue: ConsumeQueue): void {
    this.#unsyncedDirs.add(`${this.#dir}/${queue.topic}`)
    this.#unsyncedDirs.add(this.#dir)
  }

  /**
   * Makes all entries durable whose records are, a few queues at a time: each is written and synced while its file is open, and
   * others run meanwhile. No sync is under way when it is done, so that the next round cannot take one that hangs for done.
   * @param tell `beforeWrite` throws when the files are no longer to be written; `pause` lets others run between two slices of the work;
   *   `onSyncFailed` hears of each failed sync at once, before more is synced
   * @throws the first error of the disk; of writes that fail, after all queues had their turn
   */
  async save(tell: {
    beforeWrite: () => void
    pause: () => Promise<void>
    onSyncFailed: () => void
  }): Promise<void> {
    const failures: unknown[] = []
    await inLanes([...new Set([...this.#unsynced, ...this.#dirty])], async (queue) => {
      tell.beforeWrite()
      try {
        while (this.#dirty.has(queue) && this.#flush(queue, SLICE_ENTRIES)) {
          await tell.pause()
          tell.beforeWrite()
        }
      } catch (error) {
        failures.push(error)
        return
      }
      await this.#sync(queue, tell.onSyncFailed)
    })
    if (failures.length > 0) throw failures[0]
    await this.#syncDirs()
  }

  async #sync(queue: ConsumeQueue, onFailed: () => void): Promise<void> {
    try {
      await queue.sync()
    } catch (error) {
      onFailed()
      throw error
    }
    if (!queue.hasUnsynced) this.#unsynced.delete(queue)
  }

  /** A queue's folder and its topic's; the table's own was made by the store. */
  async #syncDirs(): Promise<void> {
    const dirs = [...this.#unsyncedDirs]
    await inLanes(dirs, async (dir) => {
      this.#unsyncedDirs.delete(dir)
      try {
        await this.#disk.syncDir(dir)
      } catch (error) {
        // a topic that was deleted
        if (errnoOf(error) === 'ENOENT') return
        this.#unsyncedDirs.add(dir)
        throw error
      }
    })
  }

  /** The queues that have got their first file since the last call. */
  takeNew(): ConsumeQueue[] {
    const queues = this.#newQueues.filter((queue) => !queue.isDeleted)
    this.#newQueues = []
    return queues
  }

  /** Gives them back: they could not be noted. */
  putBackNew(queues: readonly ConsumeQueue[]): void {
    this.#newQueues.push(...queues)
  }

  /** Gives back the memory of queues that have got nothing since the last call and whose entries are all in their files. */
  releaseIdle(): void {
    for (const queue of this.#warm) {
      if (!queue.isUsed && queue.release()) this.#warm.delete(queue)
      queue.isUsed = false
    }
  }

  /** Queues that are open. */
  *open(): Generator<ConsumeQueue> {
    for (const { queues } of this.#topics.values()) {
      // not by index: ids are taken from records, and a hole costs nothing this way
      for (const queue of Object.values(queues)) if (queue?.isOpen) yield queue
    }
  }

  /** Opens all queues that have a folder. */
  openAll(): void {
    for (const topic of this.topicsOnDisk()) {
      for (const queueId of this.queueIdsOnDisk(topic)) this.existing(topic, queueId)
    }
  }

  /** What stands in the folder of all queues: the names of topics, if nobody has put anything else there. */
  namesOnDisk(): string[] {
    return this.#disk.listSync(this.#dir)
  }

  /** Topics that have a folder. */
  topicsOnDisk(): string[] {
    return this.namesOnDisk().filter((name) => this.#disk.statSync(`${this.#dir}/${name}`)?.isDirectory)
  }

  /** Ids of the queues of a topic that have a folder, ascending. */
  queueIdsOnDisk(topic: string): number[] {
    const names = this.#disk.listSync(`${this.#dir}/${topic}`).filter((name) => /^\d+$/.test(name))
    return names.map(Number).sort((a, b) => a - b)
  }

  /** Forgets a topic and deletes its queues, whatever their folders hold. */
  deleteTopic(topic: string): void {
    for (const queue of Object.values(this.#topics.get(topic)?.queues ?? [])) if (queue) this.#forget(queue)
    this.#topics.delete(topic)
    for (const queueId of this.queueIdsOnDisk(topic)) this.#deleteFiles(topic, queueId)
    const dir = `${this.#dir}/${topic}`
    if (!this.#disk.statSync(dir)) return
    if (this.#disk.listSync(dir).length === 0) this.#disk.rmdirSync(dir)
    this.#unsyncedDirs.add(this.#dir)
  }

  /** Deletes all queues: they will be built again from the log. */
  clear(): void {
    for (const topic of this.topicsOnDisk()) this.deleteTopic(topic)
  }

  /** Deletes the queues of a topic that begin before this offset of the log: the topic was deleted when the log ended there. */
  deleteOlder(topic: string, logOffset: number): void {
    for (const queueId of this.queueIdsOnDisk(topic)) {
      if (this.#beginsBefore(topic, queueId, logOffset)) this.#deleteFiles(topic, queueId)
    }
  }

  #beginsBefore(topic: string, queueId: number, logOffset: number): boolean {
    const dir = this.#dirOf(topic, queueId)
    const [name] = this.#disk.listSync(dir)
    if (name === undefined) return true
    const first = Buffer.alloc(CQ_ENTRY_BYTES)
    this.#handles.use(`${dir}/${name}`).readSync(first, 0)
    const { physicalOffset, bytes } = entryAt(first, 0)
    // zeros say nothing of when the queue began
    const at = bytes > 0 ? physicalOffset : (this.#log.notedEnd({ topic, queueId })?.lastRecordAt ?? 0)
    return at < logOffset
  }

  #deleteFiles(topic: string, queueId: number): void {
    const dir = this.#dirOf(topic, queueId)
    for (const name of this.#disk.listSync(dir)) {
      this.#handles.close(`${dir}/${name}`)
      this.#disk.unlinkSync(`${dir}/${name}`)
    }
    this.#disk.rmdirSync(dir)
  }

  /**
   * Deletes the files of queues all of whose entries point before the log's beginning; the last file of each queue stays.
   * Goes through the folders without opening the queues, and lets others run in between.
   * @returns how many files
   * @throws the first error, after all queues had their turn
   */
  async deleteBefore(logMinOffset: number): Promise<number> {
    const failures: unknown[] = []
    let deleted = 0
    for (const topic of this.topicsOnDisk()) {
      for (const queueId of this.queueIdsOnDisk(topic)) {
        try {
          deleted += await this.#deleteFilesBefore(topic, queueId, logMinOffset)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
    return deleted
  }

  async #deleteFilesBefore(topic: string, queueId: number, logMinOffset: number): Promise<number> {
    const dir = this.#dirOf(topic, queueId)
    const names = await this.#disk.list(dir)
    const known = this.#topics.get(topic)?.queues[queueId]
    const files = known?.isOpen ? known.files : this.#filesOf(topic, queueId)
    if (names.length > 1 && files !== known?.files) files.load()
    let deleted = 0
    while (files.fileCount > 1) {
      const last = Buffer.alloc(CQ_ENTRY_BYTES)
      files.readSync(last, files.firstOffset + this.#fileBytes - CQ_ENTRY_BYTES)
      const { physicalOffset, bytes } = entryAt(last, 0)
      if (physicalOffset + bytes > logMinOffset) break
      await files.deleteFirst()
      deleted++
    }
    return deleted
  }

  #make(topic: TopicQueues, queueId: number): ConsumeQueue {
    const files = this.#filesOf(topic.topic, queueId)
    const queue = new ConsumeQueue({
      ...{ topic: topic.topic, ofTopic: topic, queueId, id: this.#nextId++, files },
      log: this.#log,
    })
    topic.queues[queueId] = queue
    topic.queueCount++
    return queue
  }

  #filesOf(topic: string, queueId: number): FileSequence {
    const dir = this.#dirOf(topic, queueId)
    return new FileSequence({ disk: this.#disk, handles: this.#handles, dir, fileBytes: this.#fileBytes })
  }

  #forget(queue: ConsumeQueue): void {
    queue.forget()
    this.#dirty.delete(queue)
    this.#unsynced.delete(queue)
    this.#warm.delete(queue)
  }

  #dirOf(topic: string, queueId: number): string {
    return `${this.#dir}/${topic}/${queueId}`
  }

  /** The block that holds an entry, in the cache and in the queue's files; what these lack by now is in memory. */
  #blockOf(
    queue: ConsumeQueue,
    queueOffset: number,
  ): { key: number; start: number; bytes: number; flushedEnd: number } {
    const first = this.#blockStart(queueOffset)
    const start = first * CQ_ENTRY_BYTES
    const toFileEnd = queue.files.startOf(start) + this.#fileBytes - start
    const bytes = Math.min(BLOCK_ENTRIES * CQ_ENTRY_BYTES, toFileEnd)
    return { key: this.#keyOf(queue, first), start, bytes, flushedEnd: queue.tail.from * CQ_ENTRY_BYTES }
  }

  /** First entry of the block that holds an entry; each file begins a new block. */
  #blockStart(queueOffset: number): number {
    const fileEntries = this.#fileBytes / CQ_ENTRY_BYTES
    const within = queueOffset % fileEntries
    return queueOffset - (within % BLOCK_ENTRIES)
  }

  #keyOf(queue: ConsumeQueue, blockStart: number): number {
    return (queue.id + 1) * QUEUE_KEY_BASE + blockStart
  }
}

/** Does something with each item, `SYNCS_AT_ONCE` at a time; none is under way when it is done. @throws the first error */
async function inLanes<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      try {
        await act(items[next++] as Item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, lane))
  if (failures.length > 0) throw failures[0]
}
