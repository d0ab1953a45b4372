import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Disk, Logger } from '../base/host.ts'
import { javaHashCode } from '../protocol/java-hash.ts'
import { IndexFile, type IndexHit, type IndexShape } from './index-file.ts'
import { indexHash, topicKeyHash } from './index-keys.ts'

/** Full files that may wait for a flush; a roll above writes one on the event loop, so that their memory is bounded. */
const UNFLUSHED_FULL_MAX = 4

/** How far the newest index file was durable: kept in the store's positions. */
export interface IndexPosition {
  /** Name of the newest file, '' when there is none. */
  readonly file: string
  readonly nextEntry: number
  /** Offset of the last message with a key. */
  readonly endOffset: number
  readonly endMs: number
  /** Offset of the log below which all messages are indexed, those without a key included. */
  readonly logEnd: number
}

export interface IndexQuery {
  readonly topic: string
  readonly key: string
  readonly beginMs: number
  readonly endMs: number
  readonly countMax: number
}

/**
 * The hash index of all keys of a store: a row of `IndexFile`s, the last of which takes new entries. A fault of the disk stops
 * it, not the store: `reopen` takes it back to where it was durable, and `IndexCatchUp` brings it up to the log again.
 */
export class IndexService {
  /** Why the index takes no entries now; undefined while it does. */
  failure: string | undefined
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #log: Logger
  readonly #dir: string
  readonly #shape: IndexShape
  /** Oldest first. */
  #files: IndexFile[] = []
  #isFlushing = false
  /** Whether a file was made since the last sync of the folder, by this process or one that was killed. */
  #hasNewNames = false
  #position = NO_POSITION

  constructor(parts: { disk: Disk; clock: Clock; log: Logger; dir: string; shape: IndexShape }) {
    this.#disk = parts.disk
    this.#clock = parts.clock
    this.#log = parts.log
    this.#dir = parts.dir
    this.#shape = parts.shape
  }

  /**
   * Opens the files as they were when `position` was noted; what came later is dropped and will be dispatched again. Without a
   * position all files are believed (RocketMQ wrote them and stopped cleanly) or, after a crash, thrown away. Files that
   * cannot be read are thrown away with all others, and everything is indexed again.
   */
  open(position: IndexPosition | undefined, isCrash: boolean): void {
    try {
      this.#open(position, isCrash)
    } catch (error) {
      if (!(error instanceof MqError)) {
        this.#fail(error)
        return
      }
      this.#log.warn({ error: error.message }, 'the key index cannot be read: it is built again from the log')
      this.clear()
    }
    this.#position = this.#positionAt(this.nextOffset)
  }

  /** Takes the index back to its last durable state, after a failure. @throws the disk's error */
  reopen(): void {
    if (this.#isFlushing) throw new MqError('busy', 'a flush of the index is under way')
    const position = this.#position
    this.close()
    this.#open(position, true)
  }

  /** The index has all that the log has, and takes new entries again. */
  recovered(): void {
    this.failure = undefined
  }

  /** Log offset from which on messages may be missing in the index. */
  get nextOffset(): number {
    const hasEntries = this.#files.some((file) => file.nextEntry > 1)
    return Math.max(hasEntries ? this.endOffset + 1 : 0, this.#position.logEnd)
  }

  /** Adds the keys of a message; messages come in the order of the log. */
  put(hashes: Int32Array, at: number, count: number, physicalOffset: number, storedMs: number): void {
    if (this.failure !== undefined) return
    try {
      this.putAgain(hashes, at, count, physicalOffset, storedMs)
    } catch (error) {
      this.#fail(error)
      this.#dropUnsaved()
    }
  }

  /** As `put`, while the index catches up. @throws the disk's error */
  putAgain(hashes: Int32Array, at: number, count: number, physicalOffset: number, storedMs: number): void {
    for (let i = 0; i < count; i++) this.#writable().put(hashes[at + i] as number, physicalOffset, storedMs)
  }

  /** Offset of the last message with a key. */
  get endOffset(): number {
    return this.#files.at(-1)?.endOffset ?? 0
  }

  get endMs(): number {
    return this.#files.at(-1)?.endMs ?? 0
  }

  /** End time of the newest file that is full and durable, 0 when there is none. */
  get fullEndMs(): number {
    return this.#files.findLast((file) => file.isFull && !file.isDirty)?.endMs ?? 0
  }

  /** How far the index is durable: good to be noted, once the log is durable up to there too. */
  get position(): IndexPosition {
    return this.#position
  }

  /** Log offsets of messages that may have the key (hashes collide: compare topic and key), the newest first. */
  async query(query: IndexQuery): Promise<IndexHit[]> {
    const hash = indexHash(javaHashCode(query.key, topicKeyHash(query.topic)))
    const hits: IndexHit[] = []
    for (const file of [...this.#files].reverse()) {
      if (!file.isInTime(query) || file.isClosed) continue
      try {
        hits.push(...(await file.select(hash, query, query.countMax - hits.length)))
      } catch (error) {
        // it may have expired while it was read
        if (!file.isClosed) throw error
      }
      if (hits.length >= query.countMax) break
    }
    return hits
  }

  /**
   * Makes all that is indexed by now durable.
   * @param logEnd offset of the log below which all messages have been put
   */
  async flush(logEnd: number): Promise<void> {
    if (this.failure !== undefined || this.#isFlushing) return
    const position = this.#positionAt(logEnd)
    this.#isFlushing = true
    try {
      for (const file of this.#files.filter(({ isDirty }) => isDirty)) await this.#flushFile(file)
      this.#syncNames()
      if (this.failure === undefined) this.#position = position
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isFlushing = false
    }
    if (this.failure !== undefined) this.#dropUnsaved()
  }

  /** As `flush`, on the event loop. */
  flushSync(logEnd: number): void {
    if (this.failure !== undefined) return
    try {
      for (const file of this.#files) if (file.isDirty) file.flushSync()
      this.#syncNames()
      this.#position = this.#positionAt(logEnd)
    } catch (error) {
      this.#fail(error)
    }
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

  /** Deletes the files with messages at or behind the log's end, which was cut: they are built again. */
  cutBehind(logEnd: number): void {
    const hasLater = this.#files.some((file) => file.nextEntry > 1 && file.endOffset >= logEnd)
    if (!hasLater && this.#position.logEnd <= logEnd) return
    while (hasLater && this.endOffset >= logEnd && this.#files.length > 0) {
      const newest = this.#files.pop() as IndexFile
      newest.close()
      this.#delete(newest.path.slice(this.#dir.length + 1))
    }
    this.#position = this.#positionAt(0)
  }

  /** Deletes all files, opened or not: everything will be indexed again, or there is no log that they could belong to. */
  clear(): void {
    this.close()
    for (const name of this.#names()) this.#delete(name)
    this.#position = NO_POSITION
  }

  /** Closes the files; `flushSync` first. */
  close(): void {
    for (const file of this.#files) file.close()
    this.#files = []
  }

  #open(position: IndexPosition | undefined, isCrash: boolean): void {
    this.#position = position ?? NO_POSITION
    this.#hasNewNames = isCrash
    if (position === undefined && isCrash) {
      this.clear()
      return
    }
    for (const name of this.#names()) {
      if (position && name > position.file) this.#delete(name)
      else this.#files.push(IndexFile.open(this.#disk, this.#pathOf(name), this.#shape))
    }
    if (position === undefined) return
    const newest = this.#files.at(-1)
    // files have been taken away: everything is indexed again
    if (position.file !== '' && newest?.path !== this.#pathOf(position.file)) this.clear()
    else if (newest && (isCrash || newest.nextEntry !== position.nextEntry)) newest.rewind(position)
  }

  #writable(): IndexFile {
    const newest = this.#files.at(-1)
    if (newest && !newest.isFull) return newest
    this.#boundUnflushed()
    const next = IndexFile.create(this.#disk, this.#pathOf(this.#nextName()), this.#shape, newest)
    this.#files.push(next)
    this.#hasNewNames = true
    return next
  }

  async #flushFile(file: IndexFile): Promise<void> {
    // its messages have expired while others were flushed
    if (file.isClosed) return
    await file.flush(() => new Promise((resolve) => this.#clock.endOfTurn(resolve)))
    if (file.isFull && !file.isDirty) file.release()
  }

  /** The next flush makes full files durable, off the loop; where they come faster than flushes, the oldest does not wait. */
  #boundUnflushed(): void {
    const unflushed = this.#files.filter(({ isDirty }) => isDirty)
    const [oldest] = unflushed
    if (!oldest || unflushed.length <= UNFLUSHED_FULL_MAX) return
    oldest.flushSync()
    oldest.release()
  }

  #syncNames(): void {
    if (this.#hasNewNames && this.#files.length > 0) this.#disk.syncDirSync(this.#dir)
    this.#hasNewNames = false
  }

  #positionAt(logEnd: number): IndexPosition {
    const newest = this.#files.at(-1)
    if (!newest) return { ...NO_POSITION, logEnd }
    const { nextEntry, endOffset, endMs } = newest
    return { file: newest.path.slice(this.#dir.length + 1), nextEntry, endOffset, endMs, logEnd }
  }

  /** The time of day as yyyyMMddHHmmssSSS, later than the last name. */
  #nextName(): string {
    const last = this.#files.at(-1)?.path.slice(this.#dir.length + 1) ?? ''
    for (let ms = this.#clock.nowMs(); ; ms++) {
      const time = this.#clock.localTime(ms)
      const two = [time.month, time.day, time.hour, time.minute, time.second].map((part) =>
        String(part).padStart(2, '0'),
      )
      const name = `${time.year}${two.join('')}${String(time.millisecond).padStart(3, '0')}`
      if (name > last) return name
    }
  }

  #names(): string[] {
    return this.#disk.listSync(this.#dir).filter((name) => /^\d{17}$/.test(name))
  }

  #pathOf(name: string): string {
    return `${this.#dir}/${name}`
  }

  #delete(name: string): void {
    this.#log.info({ path: this.#pathOf(name) }, 'index file deleted: it is built again from the log')
    this.#disk.unlinkSync(this.#pathOf(name))
  }

  /** Takes a failed index back at once: on a full disk what it has written in vain is the room that others need. */
  #dropUnsaved(): void {
    if (this.#isFlushing) return
    try {
      this.reopen()
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'the key index cannot be taken back yet; it is tried again')
    }
  }

  #fail(error: unknown): void {
    this.failure = messageOf(error)
    this.#log.error(
      { error: this.failure },
      'the key index takes no entries until it has caught up with the log',
    )
  }
}

const NO_POSITION: IndexPosition = { file: '', nextEntry: 1, endOffset: 0, endMs: 0, logEnd: 0 }
