import { readNewest, replaceFile, replaceFileSync } from '../base/atomic-file.ts'
import { MqError, messageOf } from '../base/errors.ts'
import type { Disk, Logger } from '../base/host.ts'
import { int32At, int64At } from '../protocol/big-endian.ts'
import { crc32Of } from '../protocol/crc32.ts'
import type { FileSequence } from './file-sequence.ts'
import type { IndexPosition } from './index-service.ts'

/** Up to where everything that recovery would need is durable. Positions, not times: R3 (issue apache/rocketmq#678). */
export interface Positions {
  /** Records of the log below are dispatched, and their queue entries are durable. */
  readonly dispatched: number
  readonly index: IndexPosition
  /** Store time of the last record below `dispatched`. */
  readonly lastStoreTimestampMs: number
  /** Where that record begins, by which a start sees that the positions belong to this log; -1 when there is none. */
  readonly lastRecordAt: number
}

/** Bytes of a record up to and with its physical offset. */
const HEAD_BYTES = 36

/**
 * The file of a store's own positions: a line of JSON and its CRC-32, written after the datasync of what it vouches for.
 * A store without it (RocketMQ's, or an older copy) is scanned.
 */
export class PositionsFile {
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** @returns undefined when there is none, or none that is whole */
  read(log: Logger): Positions | undefined {
    try {
      return readNewest(this.#disk, this.#path, decode)?.value
    } catch (error) {
      log.warn(
        { path: this.#path, error: messageOf(error) },
        'positions unreadable: the store is scanned instead',
      )
      return undefined
    }
  }

  async write(positions: Positions): Promise<void> {
    await replaceFile(this.#disk, this.#path, encode(positions))
  }

  writeSync(positions: Positions): void {
    replaceFileSync(this.#disk, this.#path, encode(positions))
  }

  /** Replaces all generations. */
  invalidate(positions: Positions): void {
    this.writeSync(positions)
    this.writeSync(positions)
  }
}

/**
 * Whether positions belong to this log: the record that they name as the last one ends where they say. They would not after a
 * restore of older files, or after another program has cut the log.
 */
export function fitsLog(positions: Positions, files: FileSequence): boolean {
  const { dispatched, lastRecordAt } = positions
  if (dispatched > files.endOffset) return false
  if (lastRecordAt < files.firstOffset) return true
  const head = Buffer.alloc(HEAD_BYTES)
  if (files.readSync(head, lastRecordAt) < HEAD_BYTES || int64At(head, 28) !== lastRecordAt) return false
  const end = lastRecordAt + int32At(head, 0)
  // behind the last record of a file stands a blank
  const isBlankBetween =
    files.startOf(dispatched) === dispatched && files.startOf(lastRecordAt) + files.fileBytes === dispatched
  return end === dispatched || (isBlankBetween && end < dispatched)
}

function encode(positions: Positions): Buffer {
  const json = JSON.stringify(positions)
  return Buffer.from(`${json}\n${crc32Of(Buffer.from(json))}\n`)
}

function decode(content: Buffer): Positions {
  const [json = '', crc] = content.toString().split('\n')
  if (crc !== String(crc32Of(Buffer.from(json))))
    throw new MqError('storeUnreadable', 'the positions have a wrong checksum')
  return JSON.parse(json)
}
