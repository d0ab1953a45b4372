import { readFile, replaceFile, replaceFileSync } from '../../base/atomic-file.ts'
import { messageOf } from '../../base/errors.ts'
import type { Disk, Logger } from '../../base/host.ts'
import { crc32Of } from '../../protocol/crc32.ts'
import type { DedupSegment } from './dedup-window.ts'

const HEAD_BYTES = 32
const ENTRY_BYTES = 16

/**
 * Closed segments on disk, so that a start need not read the log again: one file each, named by its end.
 *
 *     crc:uint32 of all behind it   count:uint32   from:int64  end:int64  lastMs:int64   count x (hash:double offset:double)
 */
export class DedupFiles {
  readonly #disk: Disk
  readonly #dir: string
  readonly #log: Logger

  constructor(parts: { disk: Disk; dir: string; log: Logger }) {
    this.#disk = parts.disk
    this.#dir = parts.dir
    this.#log = parts.log
  }

  /** Makes the folder. @returns whether it is new: no keys were remembered in an earlier run */
  open(): boolean {
    if (this.#disk.statSync(this.#dir)) return false
    this.#disk.mkdirSync(this.#dir)
    this.#disk.syncDirSync(this.#dir.slice(0, this.#dir.lastIndexOf('/')))
    return true
  }

  /** Reads what is whole and ends by `logEnd`, oldest first; the rest is deleted: the log that it spoke of is gone. */
  load(logEnd: number): DedupSegment[] {
    const segments: DedupSegment[] = []
    for (const name of this.#names()) {
      const segment = decodeSegment(readFile(this.#disk, this.#pathOf(name)) ?? Buffer.alloc(0))
      if (segment && segment.end <= logEnd) segments.push(segment)
      else this.#delete(name)
    }
    return segments
  }

  writeSync(segment: DedupSegment): void {
    replaceFileSync(this.#disk, this.#pathOf(nameOf(segment)), encodeSegment(segment))
  }

  /** One that cannot be written is read from the log again at the next start. */
  async write(segment: DedupSegment): Promise<void> {
    try {
      await replaceFile(this.#disk, this.#pathOf(nameOf(segment)), encodeSegment(segment))
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'keys of messages are in memory only: they are read again')
    }
  }

  delete(segment: DedupSegment): void {
    this.#delete(nameOf(segment))
  }

  #delete(name: string): void {
    try {
      const path = this.#pathOf(name)
      if (this.#disk.statSync(path)) this.#disk.unlinkSync(path)
    } catch (error) {
      this.#log.warn({ name, error: messageOf(error) }, 'old keys of messages could not be deleted')
    }
  }

  #names(): string[] {
    return this.#disk.listSync(this.#dir).filter((name) => /^\d{20}$/.test(name))
  }

  #pathOf(name: string): string {
    return `${this.#dir}/${name}`
  }
}

function nameOf({ end }: DedupSegment): string {
  return String(end).padStart(20, '0')
}

function encodeSegment({ end, from, hashes, lastMs, offsets }: DedupSegment): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + hashes.length * ENTRY_BYTES)
  bytes.writeUInt32BE(hashes.length, 4)
  bytes.writeBigInt64BE(BigInt(from), 8)
  bytes.writeBigInt64BE(BigInt(end), 16)
  bytes.writeBigInt64BE(BigInt(lastMs), 24)
  for (const [index, hash] of hashes.entries()) {
    bytes.writeDoubleBE(hash, HEAD_BYTES + index * ENTRY_BYTES)
    bytes.writeDoubleBE(offsets[index] as number, HEAD_BYTES + index * ENTRY_BYTES + 8)
  }
  bytes.writeUInt32BE(crc32Of(bytes.subarray(4)) >>> 0, 0)
  return bytes
}

/** Undefined when the bytes are not a whole segment. */
function decodeSegment(bytes: Buffer): DedupSegment | undefined {
  if (bytes.length < HEAD_BYTES || crc32Of(bytes.subarray(4)) >>> 0 !== bytes.readUInt32BE(0))
    return undefined
  const count = bytes.readUInt32BE(4)
  const at = Array.from({ length: count }, (_, index) => HEAD_BYTES + index * ENTRY_BYTES)
  return {
    from: Number(bytes.readBigInt64BE(8)),
    end: Number(bytes.readBigInt64BE(16)),
    lastMs: Number(bytes.readBigInt64BE(24)),
    hashes: at.map((position) => bytes.readDoubleBE(position)),
    offsets: at.map((position) => bytes.readDoubleBE(position + 8)),
  }
}
