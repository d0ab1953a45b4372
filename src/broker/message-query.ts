import { MqError } from '../base/errors.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import type { MessageStore } from '../store/message-store.ts'

/**
 * Most messages that one query by key finds (maxMsgsNumBatch), and one by unique key (defaultQueryMaxNum).
 */
const QUERY_COUNT_MAX = 64
const UNIQUE_QUERY_COUNT_MAX = 32

/** Index entries looked at beyond those wanted: keys of other messages that hash alike. */
const COLLISIONS_MAX = 64

/** Bytes of all messages of an answer, far enough below the largest frame; the first always fits. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024

/** A query by key (QUERY_MESSAGE). */
interface KeyQuery {
  readonly topic: string
  /** One word of KEYS, or the unique key. */
  readonly key: string
  readonly countMax: number
  /** Whether the key is a unique key: `countMax` does not count then. */
  readonly isUniqueKey: boolean
  /** Store times, both inclusive. */
  readonly beginMs: number
  readonly endMs: number
}

/** Finds single messages, by their place in the log or by key. */
export class MessageQuery {
  readonly #store: MessageStore
  readonly #record = new RecordScan()
  readonly #properties = new PropertyScan()

  constructor(store: MessageStore) {
    this.#store = store
  }

  /**
   * The record at an offset of the log, of which no part lies in memory that is used again; undefined when
   * none begins there.
   */
  at(physicalOffset: number): Buffer | undefined {
    const record = this.#store.recordAt(physicalOffset)
    return record && Buffer.from(record)
  }

  /**
   * The newest messages with a key, oldest of them first.
   * @throws MqError notFound when the broker keeps no index
   */
  async byKey(query: KeyQuery): Promise<Buffer[]> {
    const { index } = this.#store
    if (!index) throw new MqError('notFound', 'the broker keeps no index of keys (messageIndexEnable)')
    const wanted = Math.min(Math.max(query.countMax, 0), QUERY_COUNT_MAX)
    const countMax = query.isUniqueKey ? UNIQUE_QUERY_COUNT_MAX : wanted
    if (countMax === 0) return []
    const hits = await index.query({ ...query, countMax: countMax + COLLISIONS_MAX })
    // a message may have the key twice, as a word of KEYS and as its unique key
    const offsets = new Set(hits.map(({ physicalOffset }) => physicalOffset))
    const found: Buffer[] = []
    let bytes = 0
    for (const physicalOffset of offsets) {
      if (found.length === countMax) break
      const record = this.at(physicalOffset)
      if (!record || !this.#isMeant(record, physicalOffset, query)) continue
      bytes += record.length
      if (found.length > 0 && bytes > ANSWER_BYTES_MAX) break
      found.push(record)
    }
    return found.reverse()
  }

  /** Whether topic, key and time are those asked for: the index knows only hashes, and seconds. */
  #isMeant(record: Buffer, physicalOffset: number, { topic, key, beginMs, endMs }: KeyQuery): boolean {
    const scan = this.#record
    if (scan.read(record, 0, record.length, physicalOffset) !== 'message') return false
    if (scan.topic !== topic || scan.storeTimestampMs < beginMs || scan.storeTimestampMs > endMs) return false
    const properties = this.#properties
    properties.read(record, scan.propertiesAt, scan.propertiesEnd)
    if (properties.optionalText(PropertyName.UNIQ_KEY) === key) return true
    return properties.optionalText(PropertyName.KEYS)?.split(' ').includes(key) ?? false
  }
}
