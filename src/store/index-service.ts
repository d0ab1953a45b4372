import { messageOf } from '../base/errors.ts'
import type { Clock, Disk, Logger } from '../base/host.ts'
import { javaHashCode } from '../protocol/java-hash.ts'
import { IndexFile, type IndexHit, type IndexShape } from './index-file.ts'
import { indexHash, topicKeyHash } from './index-keys.ts'

/** How far the newest index file was durable: kept in the store's positions. */
export interface IndexPosition {
  /** Name of the newest file, '' when there is none. */
  readonly file: string
  readonly nextEntry: number
  readonly endOffset: number
  readonly endMs: number
}

export interface IndexQuery {
  readonly topic: string
  readonly key: string
  readonly beginMs: number
  readonly endMs: number
  readonly countMax: number
}

/** The hash index of all keys of a store: a row of `IndexFile`s, the last of which takes new entries. */
export class IndexService {
  /** Why the index takes no more entries until the next start; undefined while it does. */
  failure: string | undefined
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #log: Logger
  readonly #dir: string
  readonly #shape: IndexShape
  /** Oldest first. */
  #files: IndexFile[] = []
  #isFlushing = false

  constructor(parts: { disk: Disk; clock: Clock; log: Logger; dir: string; shape: IndexShape }) {
    this.#disk = parts.disk
    this.#clock = parts.clock
    this.#log = parts.log
    this.#dir = parts.dir
    this.#shape = parts.shape
  }

  /**
   * Opens the files as they were when `position` was noted; what came later is dropped and will be dispatched again. Without a
   * position all files are believed (RocketMQ wrote them and stopped cleanly) or, after a crash, thrown away.
   */
  open(position: IndexPosition | undefined, isCrash: boolean): void {
    const names = this.#disk.listSync(this.#dir).filter((name) => /^\d{17}$/.test(name))
    const isUnknown = position === undefined
    if (isUnknown && isCrash) {
      for (const name of names) this.#delete(name)
      return
    }
    for (const name of names) {
      if (!isUnknown && name > position.file) this.#delete(name)
      else this.#openFile(name)
    }
    if (isUnknown) return
    const newest = this.#files.at(-1)
    // files have been taken away: everything is indexed again
    if (position.file !== '' && newest?.path !== this.#pathOf(position.file)) this.clear()
    else if (newest && newest.nextEntry !== position.nextEntry) newest.rewind(position)
  }

  /** Log offset from which on messages may be missing in the index. */
  get nextOffset(): number {
    return this.#files.some((file) => file.nextEntry > 1) ? this.endOffset + 1 : 0
  }

  /** Adds the keys of a message; messages come in the order of the log. Those indexed already are passed over. */
  put(hashes: Int32Array, at: number, count: number, physicalOffset: number, storedMs: number): void {
    if (this.failure !== undefined) return
    try {
      for (let i = 0; i < count; i++) this.#writable().put(hashes[at + i] as number, physicalOffset, storedMs)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Offset of the last message with a key. */
  get endOffset(): number {
    return this.#files.at(-1)?.endOffset ?? 0
  }

  get endMs(): number {
    return this.#files.at(-1)?.endMs ?? 0
  }

  /** End time of the newest file that is full, 0 when there is none. */
  get fullEndMs(): number {
    return this.#files.findLast((file) => file.isFull)?.endMs ?? 0
  }

  get position(): IndexPosition {
    const newest = this.#files.at(-1)
    if (!newest) return { file: '', nextEntry: 1, endOffset: 0, endMs: 0 }
    const { nextEntry, endOffset, endMs } = newest
    return { file: newest.path.slice(this.#dir.length + 1), nextEntry, endOffset, endMs }
  }

  /** Log offsets of messages that may have the key (hashes collide: compare topic and key), the newest first. */
  async query(query: IndexQuery): Promise<IndexHit[]> {
    const hash = indexHash(javaHashCode(query.key, topicKeyHash(query.topic)))
    const hits: IndexHit[] = []
    for (const file of [...this.#files].reverse()) {
      if (!file.isInTime(query)) continue
      hits.push(...(await file.select(hash, query, query.countMax - hits.length)))
      if (hits.length >= query.countMax) break
    }
    return hits
  }

  /** Makes all that is indexed by now durable. @returns the position to note */
  async flush(): Promise<IndexPosition> {
    const { position } = this
    const newest = this.#files.at(-1)
    if (this.failure !== undefined || !newest || this.#isFlushing) return position
    this.#isFlushing = true
    try {
      await newest.flush()
      this.#disk.syncDirSync(this.#dir)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isFlushing = false
    }
    return position
  }

  /** Deletes the files all of whose messages lie before `minOffset`; the newest stays. */
  async deleteBefore(minOffset: number): Promise<void> {
    while (this.#files.length > 1 && (this.#files[0] as IndexFile).endOffset < minOffset) {
      const oldest = this.#files.shift() as IndexFile
      oldest.close()
      await this.#disk.unlink(oldest.path)
      this.#log.info({ path: oldest.path, minOffset }, 'index file deleted: its messages have expired')
    }
  }

  /** As `flush`, on the event loop. */
  flushSync(): void {
    const newest = this.#files.at(-1)
    if (this.failure !== undefined || !newest) return
    try {
      newest.flushSync()
      this.#disk.syncDirSync(this.#dir)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Deletes what is in the folder, opened or not: there is no log that it could belong to. */
  deleteAll(): void {
    for (const name of this.#disk.listSync(this.#dir)) if (/^\d{17}$/.test(name)) this.#delete(name)
  }

  /** Deletes all files: everything will be indexed again. */
  clear(): void {
    for (const file of this.#files) {
      file.close()
      this.#disk.unlinkSync(file.path)
    }
    this.#files = []
  }

  /** Closes the files; `flushSync` first. */
  close(): void {
    for (const file of this.#files) file.close()
    this.#files = []
  }

  #writable(): IndexFile {
    const newest = this.#files.at(-1)
    if (newest && !newest.isFull) return newest
    if (newest) {
      newest.flushSync()
      newest.release()
    } else this.#disk.mkdirSync(this.#dir)
    const next = IndexFile.create(this.#disk, this.#pathOf(this.#nextName()), this.#shape, newest)
    this.#files.push(next)
    return next
  }

  /** The time of day as yyyyMMddHHmmssSSS, later than the last name. */
  #nextName(): string {
    const last = this.position.file
    for (let ms = this.#clock.nowMs(); ; ms++) {
      const time = this.#clock.localTime(ms)
      const two = [time.month, time.day, time.hour, time.minute, time.second].map((part) =>
        String(part).padStart(2, '0'),
      )
      const name = `${time.year}${two.join('')}${String(time.millisecond).padStart(3, '0')}`
      if (name > last) return name
    }
  }

  #pathOf(name: string): string {
    return `${this.#dir}/${name}`
  }

  #openFile(name: string): void {
    this.#files.push(IndexFile.open(this.#disk, this.#pathOf(name), this.#shape))
  }

  #delete(name: string): void {
    this.#log.info({ path: this.#pathOf(name) }, 'index file deleted: it is built again from the log')
    this.#disk.unlinkSync(this.#pathOf(name))
  }

  #fail(error: unknown): void {
    this.failure = messageOf(error)
    this.#log.error(
      { error: this.failure },
      'the key index takes no more entries until the next start, which rebuilds it',
    )
  }
}
