import { messageOf } from '../../base/errors.ts'
import type { Clock, Disk, Logger, Timer } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { isSystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import { LogWalk } from '../../store/log-walk.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { IncomingMessage } from '../incoming-message.ts'
import type { StoredProperties } from '../stored-properties.ts'
import { DedupFiles } from './dedup-files.ts'
import { dedupHash, dedupScope, dedupScopeOf } from './dedup-scope.ts'
import { DedupWindow } from './dedup-window.ts'
import { type FirstMessage, FirstUnderWay, StoredFirst, type UniqueKeyPlace } from './first-message.ts'

/** Bytes of log after which a segment is closed, so that a start has little to read. */
const SEGMENT_BYTES = 64 * 1024 * 1024

/** The window, and the keys that fit, are divided into so many segments at least. */
const SEGMENTS = 8

const SWEEP_MS_MIN = 1000
const SWEEP_MS_MAX = 60_000

/**
 * Stores a message once that its producer sends several times, and repeats the first answer: messages with the property TERN_DEDUP_KEY, in
 * their topic, within `dedupWindowMs`. What was sent is in the log with its key; of it a hash and a place are kept in memory, and read
 * again at a start. The message itself says whether a key is really the same.
 */
export class Deduplication {
  /** Messages that were not stored, because they had been. */
  repeatedCount = 0
  readonly #settings: BrokerSettings
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #turn: Turn
  readonly #log: Logger
  readonly #files: DedupFiles
  #window = new DedupWindow(0)
  /** By scope; those that are stored too, until they can be read. */
  readonly #underWay = new Map<string, FirstUnderWay>()
  readonly #unreadable: FirstUnderWay[] = []
  /** Scope of the message that is being prepared, when it is the first. */
  #fresh: string | undefined
  readonly #record = new RecordScan()
  readonly #properties = new PropertyScan()
  #openedMs = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: {
    settings: BrokerSettings
    store: MessageStore
    clock: Clock
    disk: Disk
    turn: Turn
    log: Logger
  }) {
    this.#settings = parts.settings
    this.#store = parts.store
    this.#clock = parts.clock
    this.#turn = parts.turn
    this.#log = parts.log
    const dir = `${parts.store.settings.rootDir}/ternmq/dedup`
    this.#files = new DedupFiles({ disk: parts.disk, dir, log: parts.log })
  }

  get isOn(): boolean {
    return this.#settings.dedupWindowMs > 0
  }

  /** Keys that are known. */
  get count(): number {
    return this.#window.count
  }

  /** Learns the keys of the window from files and log. The store is open. */
  start(): void {
    if (!this.isOn) return
    const { confirmedEnd } = this.#store
    const isNew = this.#files.open()
    const segments = this.#files.load(confirmedEnd)
    this.#window = new DedupWindow(segments[0]?.from ?? confirmedEnd)
    if (isNew) this.#files.writeSync(this.#window.close(confirmedEnd, this.#clock.nowMs()))
    else this.#learn(segments, confirmedEnd)
    this.#openedMs = this.#clock.nowMs()
    this.#evict()
    this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    if (!this.isOn) return
    try {
      this.#files.writeSync(this.#window.close(this.#store.confirmedEnd, this.#clock.nowMs()))
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'keys of messages are not written: they are read again')
    }
  }

  /**
   * The message that was the first with the key of one that is about to be stored.
   * @returns undefined where that is the first itself, or has no key
   */
  find(message: IncomingMessage, properties: StoredProperties): FirstMessage | undefined {
    this.#fresh = undefined
    const scope = dedupScope(message.topicName, properties.scan)
    if (scope === undefined) return undefined
    this.#forgetReadable()
    const first = this.#underWay.get(scope) ?? this.#stored(scope)
    if (first) this.repeatedCount++
    else this.#fresh = scope
    return first
  }

  /** The message that was prepared last is no longer about to be stored. */
  forgetPrepared(): void {
    this.#fresh = undefined
  }

  /**
   * Who hears of a message when it is stored: those who repeat it meanwhile as well.
   * @returns undefined where it has no key
   */
  begin(queueId: number, sender: UniqueKeyPlace): FirstUnderWay | undefined {
    const scope = this.#fresh
    if (scope === undefined) return undefined
    this.#fresh = undefined
    const first = new FirstUnderWay({
      ...{ scope, turn: this.#turn, queueId, onEnd: this.#ended },
      ...{ uniqueKeyFromEnd: sender.uniqueKeyFromEnd, uniqueKeyBytes: sender.uniqueKeyBytes },
    })
    this.#underWay.set(scope, first)
    return first
  }

  /** The store has refused it at once. */
  refused({ scope }: FirstUnderWay): void {
    this.#underWay.delete(scope)
  }

  readonly #ended = (first: FirstUnderWay, isStored: boolean): void => {
    if (!isStored) {
      this.#underWay.delete(first.scope)
      return
    }
    this.#window.add(dedupHash(first.scope), first.physicalOffset, this.#clock.nowMs())
    this.#unreadable.push(first)
  }

  #forgetReadable(): void {
    const { confirmedEnd } = this.#store
    for (let first = this.#unreadable[0]; first; first = this.#unreadable[0]) {
      if (first.physicalOffset >= confirmedEnd) return
      this.#unreadable.shift()
      this.#underWay.delete(first.scope)
    }
  }

  /** The first message with this scope that the log has, if the window still has it. */
  #stored(scope: string): StoredFirst | undefined {
    const offset = this.#window.find(dedupHash(scope))
    const bytes = offset === undefined ? undefined : this.#store.recordAt(offset)
    if (!bytes || offset === undefined) return undefined
    const record = this.#record
    if (record.read(bytes, 0, bytes.length, offset) !== 'message' || dedupScopeOf(record) !== scope)
      return undefined
    if (this.#clock.nowMs() - record.storeTimestampMs >= this.#settings.dedupWindowMs) return undefined
    const properties = this.#properties
    properties.read(bytes, record.propertiesAt, record.propertiesEnd)
    const isDiverted = isSystemTopic(record.topic)
    const queueId = isDiverted
      ? Number(properties.optionalText(PropertyName.REAL_QID) ?? record.queueId)
      : record.queueId
    const place = { queueId, queueOffset: record.queueOffset, physicalOffset: offset }
    const key = properties.find(PropertyName.UNIQ_KEY)
    return new StoredFirst(this.#turn, place, {
      uniqueKeyFromEnd: key < 0 ? 0 : record.propertiesEnd - properties.valueAt(key),
      uniqueKeyBytes: key < 0 ? 0 : properties.valueEnd(key) - properties.valueAt(key),
    })
  }

  /** Takes the segments, and reads what lies before, between and behind them from the log. */
  #learn(segments: ReturnType<DedupFiles['load']>, end: number): void {
    let from = this.#windowBegin()
    for (const segment of segments) {
      if (segment.from > from) this.#read(from, segment.from)
      this.#window.restore(segment)
      from = Math.max(from, segment.end)
    }
    const count = this.#read(from, end)
    this.#log.info({ count, from }, 'keys of messages read from the log')
    if (end - from > SEGMENT_BYTES / 4) this.#files.writeSync(this.#window.close(end, this.#clock.nowMs()))
  }

  /** @returns how many messages with keys there were */
  #read(from: number, end: number): number {
    const walk = new LogWalk(this.#store.log.files, from)
    const windowBeginMs = this.#clock.nowMs() - this.#settings.dedupWindowMs
    let count = 0
    while (walk.end < end && walk.next()) {
      const { record } = walk
      const scope = record.storeTimestampMs < windowBeginMs ? undefined : dedupScopeOf(record)
      if (scope === undefined) continue
      // one that was stored again, because the window was over or the key forgotten, counts from then on
      this.#window.add(dedupHash(scope), record.physicalOffset, record.storeTimestampMs)
      count++
    }
    return count
  }

  /** The begin of the log file that has the first messages of the window. */
  #windowBegin(): number {
    const { files } = this.#store.log
    const beginMs = this.#clock.nowMs() - this.#settings.dedupWindowMs
    let begin = files.firstOffset
    for (let start = begin; files.has(start); start += files.fileBytes) {
      const bytes = this.#store.recordAt(start)
      const isRead = bytes && this.#record.read(bytes, 0, bytes.length, start) === 'message'
      if (!isRead || this.#record.storeTimestampMs >= beginMs) break
      begin = start
    }
    return begin
  }

  #arm(): void {
    if (this.#isStopped) return
    const sweepMs = Math.min(
      Math.max(this.#settings.dedupWindowMs / (2 * SEGMENTS), SWEEP_MS_MIN),
      SWEEP_MS_MAX,
    )
    this.#timer = this.#clock.after(sweepMs, () => {
      this.#sweep().finally(() => this.#arm())
    })
  }

  async #sweep(): Promise<void> {
    this.#forgetReadable()
    const { confirmedEnd } = this.#store
    const { from, hashes } = this.#window.open
    const { dedupKeysMax, dedupWindowMs } = this.#settings
    const nowMs = this.#clock.nowMs()
    const isOld = hashes.length > 0 && nowMs - this.#openedMs >= dedupWindowMs / SEGMENTS
    if (isOld || confirmedEnd - from >= SEGMENT_BYTES || hashes.length >= dedupKeysMax / SEGMENTS) {
      this.#openedMs = nowMs
      await this.#files.write(this.#window.close(confirmedEnd, nowMs))
    }
    this.#evict()
  }

  #evict(): void {
    const { dedupKeysMax, dedupWindowMs } = this.#settings
    const beforeMs = this.#clock.nowMs() - dedupWindowMs
    for (const segment of this.#window.evict(beforeMs, dedupKeysMax)) {
      this.#files.delete(segment)
      if (segment.lastMs >= beforeMs) {
        this.#log.warn(
          { keys: segment.hashes.length, dedupKeysMax },
          'keys of messages are forgotten before their time: there are more than dedupKeysMax',
        )
      }
    }
  }
}
