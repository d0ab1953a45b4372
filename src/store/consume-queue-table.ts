import type { Disk } from '../base/host.ts'
import { int32At, int64At } from '../protocol/big-endian.ts'
import type { BlockCache } from './block-cache.ts'
import { ConsumeQueue, CQ_ENTRY_BYTES, type QueueLog } from './consume-queue.ts'
import { FileSequence } from './file-sequence.ts'
import type { HandlePool } from './handle-pool.ts'
import { topicKeyHash } from './index-keys.ts'

/** Entries of a queue read at once from its files. */
const BLOCK_ENTRIES = 800

/** Keys of queue blocks in the cache begin here, behind those of the log. */
const QUEUE_KEY_BASE = 2 ** 32

/** All queues of one topic, and what the store needs to know of its name. */
export interface TopicQueues {
  readonly topic: string
  /** The name in UTF-8, as it goes into records. */
  readonly topicBytes: Buffer
  /** See `topicKeyHash`. */
  readonly keyHash: number
  /** By queue id; holes where a queue was never used. */
  readonly queues: (ConsumeQueue | undefined)[]
}

/** All ConsumeQueues of a store. Objects are made when a queue is first used, files when it gets its first message. */
export class ConsumeQueueTable {
  readonly #disk: Disk
  readonly #handles: HandlePool
  readonly #dir: string
  readonly #fileBytes: number
  readonly #log: QueueLog
  readonly #cache: BlockCache
  readonly #topics = new Map<string, TopicQueues>()
  /** Queues with entries that are not in their files. */
  readonly #dirty = new Set<ConsumeQueue>()
  /** Files written since the last checkpoint, by their queue. */
  #unsynced = new Map<ConsumeQueue, Set<number>>()
  /** `topic queueId` of queues that have got their first file. */
  #newQueues: string[] = []
  #nextId = 0

  constructor(parts: {
    disk: Disk
    handles: HandlePool
    dir: string
    fileBytes: number
    log: QueueLog
    cache: BlockCache
  }) {
    this.#disk = parts.disk
    this.#handles = parts.handles
    this.#dir = parts.dir
    this.#fileBytes = parts.fileBytes
    this.#log = parts.log
    this.#cache = parts.cache
  }

  topic(topic: string): TopicQueues {
    const known = this.#topics.get(topic)
    if (known) return known
    const queues = { topic, topicBytes: Buffer.from(topic), keyHash: topicKeyHash(topic), queues: [] }
    this.#topics.set(topic, queues)
    return queues
  }

  /** The queue, opened. */
  queue(topic: TopicQueues, queueId: number): ConsumeQueue {
    const known = topic.queues[queueId]
    if (known?.isOpen) return known
    const queue = known ?? this.#make(topic, queueId)
    queue.open()
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

  /** Dispatch says so after each entry. */
  markDirty(queue: ConsumeQueue): void {
    this.#dirty.add(queue)
  }

  /** Reads entries from `queueOffset` on into the cache. @throws the disk's error */
  async load(queue: ConsumeQueue, queueOffset: number): Promise<void> {
    const first = this.#blockStart(queueOffset)
    const start = first * CQ_ENTRY_BYTES
    const bytes = Math.min(
      BLOCK_ENTRIES * CQ_ENTRY_BYTES,
      queue.files.startOf(start) + this.#fileBytes - start,
    )
    // what the files lack by now is in memory
    const flushedEnd = queue.tailFrom * CQ_ENTRY_BYTES
    await this.#cache.load(this.#keyOf(queue, first), bytes, async (target) => {
      return Math.min(await queue.files.read(target, start), flushedEnd - start)
    })
  }

  /**
   * Finds an entry in memory and says where by `foundBuffer`, `foundAt` and `foundCount`, the number of entries that
   * follow one another there, it included.
   * @returns false when it has to be loaded first
   */
  find(queue: ConsumeQueue, queueOffset: number): boolean {
    if (queueOffset >= queue.tailFrom) {
      this.foundBuffer = queue.tail
      this.foundAt = queue.tailAt(queueOffset)
      const toRingEnd = (queue.tail.length - this.foundAt) / CQ_ENTRY_BYTES
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

  foundBuffer: Buffer = Buffer.alloc(0)
  foundAt = 0
  foundCount = 0

  /** Hands all entries to the kernel. @throws the disk's error; what is not written stays in memory and is tried again */
  flush(): void {
    for (const queue of this.#dirty) {
      const isNew = queue.files.isEmpty
      const starts = queue.flush()
      if (isNew) this.#newQueues.push(`${queue.topic} ${queue.queueId}`)
      let unsynced = this.#unsynced.get(queue)
      if (!unsynced) {
        unsynced = new Set()
        this.#unsynced.set(queue, unsynced)
      }
      for (const start of starts) unsynced.add(start)
      this.#dirty.delete(queue)
    }
  }

  /** Makes all entries that were flushed durable, a file at a time off the event loop. */
  async sync(): Promise<void> {
    const unsynced = this.#unsynced
    this.#unsynced = new Map()
    for (const [queue, starts] of unsynced) {
      for (const start of starts) if (queue.files.has(start)) await queue.files.datasync(start)
      queue.files.syncNames()
    }
  }

  /** As `sync`, on the event loop. */
  syncSync(): void {
    for (const [queue, starts] of this.#unsynced) {
      for (const start of starts) if (queue.files.has(start)) queue.files.datasyncSync(start)
      queue.files.syncNames()
    }
    this.#unsynced.clear()
  }

  /** The queues that have got their first file since the last call, as lines of the inventory. */
  takeNew(): string[] {
    const lines = this.#newQueues
    this.#newQueues = []
    return lines
  }

  /** Gives back the memory of queues whose entries are all in their files and that nobody waits for. */
  releaseIdle(): void {
    for (const { queues } of this.#topics.values()) {
      for (const queue of queues) if (queue?.isOpen && !this.#dirty.has(queue)) queue.release()
    }
  }

  /** Topics that have a folder. */
  topicsOnDisk(): string[] {
    return this.#disk.listSync(this.#dir)
  }

  /** Ids of the queues of a topic that have a folder, ascending. */
  queueIdsOnDisk(topic: string): number[] {
    const names = this.#disk.listSync(`${this.#dir}/${topic}`).filter((name) => /^\d+$/.test(name))
    return names.map(Number).sort((a, b) => a - b)
  }

  /** Forgets a topic and deletes its queues. */
  deleteTopic(topic: string): void {
    for (const queueId of this.queueIdsOnDisk(topic)) {
      const queue = this.existing(topic, queueId)
      queue?.files.clear()
      if (queue) this.#forget(queue)
      this.#disk.rmdirSync(this.#dirOf(topic, queueId))
    }
    for (const queue of this.#topics.get(topic)?.queues ?? []) if (queue) this.#forget(queue)
    this.#topics.delete(topic)
    if (this.#disk.statSync(`${this.#dir}/${topic}`)) this.#disk.rmdirSync(`${this.#dir}/${topic}`)
  }

  /** Deletes all queues: they will be built again from the log. */
  clear(): void {
    for (const topic of this.topicsOnDisk()) {
      if (this.#disk.statSync(`${this.#dir}/${topic}`)?.isDirectory) this.deleteTopic(topic)
    }
  }

  /**
   * Deletes the files of queues all of whose entries point before the log's beginning; the last file of each queue stays.
   * Goes through the folders without opening the queues, and lets others run in between.
   */
  async deleteBefore(logMinOffset: number): Promise<number> {
    let deleted = 0
    for (const topic of await this.#disk.list(this.#dir)) {
      for (const queueId of this.queueIdsOnDisk(topic))
        deleted += await this.#deleteFilesBefore(topic, queueId, logMinOffset)
    }
    return deleted
  }

  async #deleteFilesBefore(topic: string, queueId: number, logMinOffset: number): Promise<number> {
    const names = await this.#disk.list(this.#dirOf(topic, queueId))
    let deleted = 0
    for (const name of names.slice(0, -1)) {
      const last = Buffer.alloc(CQ_ENTRY_BYTES)
      const path = `${this.#dirOf(topic, queueId)}/${name}`
      this.#handles.use(path).readSync(last, this.#fileBytes - CQ_ENTRY_BYTES)
      if (int64At(last, 0) + int32At(last, 8) > logMinOffset) break
      const queue = this.#topics.get(topic)?.queues[queueId]
      if (queue?.isOpen) await queue.files.deleteFirst()
      else {
        this.#handles.close(path)
        await this.#disk.unlink(path)
      }
      deleted++
    }
    return deleted
  }

  #make(topic: TopicQueues, queueId: number): ConsumeQueue {
    const dir = this.#dirOf(topic.topic, queueId)
    const files = new FileSequence({
      disk: this.#disk,
      handles: this.#handles,
      dir,
      fileBytes: this.#fileBytes,
    })
    const queue = new ConsumeQueue({ topic: topic.topic, queueId, id: this.#nextId++, files, log: this.#log })
    topic.queues[queueId] = queue
    return queue
  }

  #forget(queue: ConsumeQueue): void {
    this.#dirty.delete(queue)
    this.#unsynced.delete(queue)
  }

  #dirOf(topic: string, queueId: number): string {
    return `${this.#dir}/${topic}/${queueId}`
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
