import { readNewest, replaceFile } from '../base/atomic-file.ts'
import { MqError, messageOf } from '../base/errors.ts'
import type { Disk, Logger } from '../base/host.ts'
import { int32At, int64At, putInt32, putInt64 } from '../protocol/big-endian.ts'
import { crc32Of } from '../protocol/crc32.ts'

/** Where a queue ended once, or behind that. */
export interface QueueEnd {
  /** Queue offset behind its last message. */
  readonly queueOffset: number
  /** Where the record of that message begins. */
  readonly lastRecordAt: number
}

/** What of a queue is noted. */
export interface EndingQueue {
  readonly topic: string
  readonly queueId: number
  readonly maxOffset: number
  /** Where the record of the last message begins; -1 when that is not known: nothing is noted. */
  readonly lastRecordAt: number
}

const ROW_BYTES = 24
const KEY_BYTES = 8
const CRC_BYTES = 4

/**
 * Where the queues ended at the last clean stop. Entries whose bytes have become zeros look like a queue that ends earlier; what was
 * noted here says that there were more, and where the log has them. Rows in the order of their keys, then the CRC-32 of all:
 *
 *     topicCrc:int32  queueId:int32  (the key)  queueOffset:int64  lastRecordAt:int64
 *
 * A row stays true after kills, too: queues grow, and where the log was cut it has no such record: who uses a row asks the log. Of
 * topics with the same CRC one goes unprotected.
 */
export class QueueEnds {
  readonly #disk: Disk
  readonly #path: string
  #rows: Buffer = Buffer.alloc(0)
  /** The rows that the file has. */
  #savedRows = this.#rows

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /**
   * Reads what the last clean stop has noted. A store without it, or with one that is damaged, goes without.
   * @param deletedTopics see `QueueInventory.deletedTopics`
   */
  load(log: Logger, deletedTopics: ReadonlyMap<string, number>): void {
    try {
      this.#savedRows = readNewest(this.#disk, this.#path, checked)?.value ?? Buffer.alloc(0)
    } catch (error) {
      log.warn(
        { path: this.#path, error: messageOf(error) },
        'the ends of queues that were noted are unreadable',
      )
    }
    this.#rows = this.#savedRows
    for (const [topic, logEnd] of deletedTopics) this.forgetTopic(topic, logEnd)
  }

  of(topic: string, queueId: number): QueueEnd | undefined {
    const at = this.#find(keyOf(topic, queueId))
    if (at >= this.#rows.length || int32At(this.#rows, at + 4) !== queueId) return undefined
    if (this.#rows.readUInt32BE(at) !== crcOf(topic)) return undefined
    return { queueOffset: int64At(this.#rows, at + 8), lastRecordAt: int64At(this.#rows, at + 16) }
  }

  /** The queues of a topic that was deleted when the log ended there begin at 0 again. */
  forgetTopic(topic: string, logEnd: number): void {
    const crc = crcOf(topic)
    const from = this.#find(keyOf(topic, 0))
    const kept = [this.#rows.subarray(0, from)]
    let at = from
    for (; at < this.#rows.length && this.#rows.readUInt32BE(at) === crc; at += ROW_BYTES) {
      if (int64At(this.#rows, at + 16) >= logEnd) kept.push(this.#rows.subarray(at, at + ROW_BYTES))
    }
    if (at > from) this.#rows = Buffer.concat([...kept, this.#rows.subarray(at)])
  }

  /**
   * Notes, durably, where these queues end, and again what was noted of others.
   * @param logMinOffset rows of records before are left out
   * @throws the disk's error
   */
  async save(queues: Iterable<EndingQueue>, logMinOffset: number): Promise<void> {
    const rows: Buffer[] = []
    for (const queue of queues) if (queue.lastRecordAt >= logMinOffset) rows.push(rowOf(queue))
    for (let at = 0; at < this.#rows.length; at += ROW_BYTES) {
      if (int64At(this.#rows, at + 16) >= logMinOffset) rows.push(this.#rows.subarray(at, at + ROW_BYTES))
    }
    // sorting keeps the order of rows with the same key: what is true now stands before what was noted
    rows.sort(compareKeys)
    const newest = Buffer.concat(rows.filter((row, index) => index === 0 || !isSameKey(row, rows[index - 1])))
    this.#rows = newest
    if (newest.equals(this.#savedRows)) return
    const crc = Buffer.alloc(CRC_BYTES)
    crc.writeUInt32BE(crc32Of(newest))
    await replaceFile(this.#disk, this.#path, Buffer.concat([newest, crc]))
    this.#savedRows = newest
  }

  /** Where the first row stands whose key is this one or a higher one. */
  #find(key: Buffer): number {
    let low = 0
    let high = this.#rows.length / ROW_BYTES
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const at = middle * ROW_BYTES
      if (key.compare(this.#rows, at, at + KEY_BYTES) > 0) low = middle + 1
      else high = middle
    }
    return low * ROW_BYTES
  }
}

function rowOf(queue: EndingQueue): Buffer {
  const row = Buffer.alloc(ROW_BYTES)
  keyOf(queue.topic, queue.queueId).copy(row)
  putInt64(row, 8, queue.maxOffset)
  putInt64(row, 16, queue.lastRecordAt)
  return row
}

function keyOf(topic: string, queueId: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES)
  key.writeUInt32BE(crcOf(topic))
  putInt32(key, 4, queueId)
  return key
}

function crcOf(topic: string): number {
  return crc32Of(Buffer.from(topic))
}

function compareKeys(one: Buffer, other: Buffer): number {
  return one.compare(other, 0, KEY_BYTES, 0, KEY_BYTES)
}

function isSameKey(one: Buffer, other: Buffer | undefined): boolean {
  return other !== undefined && compareKeys(one, other) === 0
}

/** @throws MqError storeUnreadable */
function checked(content: Buffer): Buffer {
  const end = content.length - CRC_BYTES
  if (end < 0 || end % ROW_BYTES !== 0 || crc32Of(content, 0, end) !== content.readUInt32BE(end)) {
    throw new MqError('storeUnreadable', 'the ends of queues have a wrong checksum')
  }
  return content.subarray(0, end)
}
