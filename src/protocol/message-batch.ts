import { MqError } from '../base/errors.ts'
import { putInt16, putInt32 } from './big-endian.ts'
import { ByteView } from './byte-view.ts'
import { PROPERTIES_BYTES_MAX } from './record-draft.ts'

/** Bytes of an entry with neither body nor properties. */
export const BATCH_ENTRY_BYTES_MIN = 22

/** One message inside the body of SEND_BATCH_MESSAGE. */
export interface BatchEntry {
  readonly flag: number
  readonly body: Buffer
  /** Property text of this message; those of the request's header come behind it when it is stored. */
  readonly propertiesBytes: Buffer
}

/**
 * Walks the body of SEND_BATCH_MESSAGE without making an object per message. Big-endian, entries back to
 * back:
 *
 *     total:int32  magic:int32  crc:int32  flag:int32
 *     bodyLength:int32  body  propertiesLength:int16  properties
 *
 * Magic and CRC are 0 from clients and not looked at. After `next()` returned true the fields tell where the
 * entry stands.
 */
export class BatchWalk {
  flag = 0
  bodyAt = 0
  bodyEnd = 0
  propertiesAt = 0
  propertiesEnd = 0
  readonly #view = new ByteView()
  #at = 0
  #end = 0

  /** Begins at the entry at `at`; the entries must end exactly at `end`. */
  begin(source: Buffer, at = 0, end: number = source.length): void {
    this.#view.of(source)
    this.#at = at
    this.#end = end
  }

  /**
   * Moves to the next entry.
   * @returns false behind the last one
   * @throws MqError messageIllegal when a length contradicts the others: the whole batch is to be refused
   */
  next(): boolean {
    const { view } = this.#view
    const at = this.#at
    const bytesLeft = this.#end - at
    if (bytesLeft === 0) return false
    const totalBytes = bytesLeft >= BATCH_ENTRY_BYTES_MIN ? view.getInt32(at) : 0
    if (totalBytes < BATCH_ENTRY_BYTES_MIN || totalBytes > bytesLeft) {
      throw new MqError(
        'messageIllegal',
        `batch entry at byte ${at} of ${totalBytes} bytes, ${bytesLeft} are left`,
      )
    }
    const bodyBytes = view.getInt32(at + 16)
    if (bodyBytes < 0 || bodyBytes > totalBytes - BATCH_ENTRY_BYTES_MIN) {
      throw new MqError('messageIllegal', `batch entry at byte ${at} with a body of ${bodyBytes} bytes`)
    }
    this.flag = view.getInt32(at + 12)
    this.bodyAt = at + 20
    this.bodyEnd = this.bodyAt + bodyBytes
    this.propertiesAt = this.bodyEnd + 2
    this.propertiesEnd = at + totalBytes
    const propertiesBytes = view.getUint16(this.bodyEnd)
    if (
      propertiesBytes > PROPERTIES_BYTES_MAX ||
      this.propertiesAt + propertiesBytes !== this.propertiesEnd
    ) {
      throw new MqError(
        'messageIllegal',
        `batch entry at byte ${at} with properties of ${propertiesBytes} bytes`,
      )
    }
    this.#at = this.propertiesEnd
    return true
  }
}

/**
 * The entries of a batch body, as views of it.
 * @throws MqError messageIllegal as `BatchWalk.next`
 */
export function decodeBatch(source: Buffer): BatchEntry[] {
  const walk = new BatchWalk()
  walk.begin(source)
  const entries: BatchEntry[] = []
  while (walk.next()) {
    const body = source.subarray(walk.bodyAt, walk.bodyEnd)
    const propertiesBytes = source.subarray(walk.propertiesAt, walk.propertiesEnd)
    entries.push({ flag: walk.flag, body, propertiesBytes })
  }
  return entries
}

/**
 * Writes a batch body.
 * @throws MqError messageIllegal when properties are too long for their length field
 */
export function encodeBatch(entries: readonly BatchEntry[]): Buffer {
  return Buffer.concat(entries.map(encodeEntry))
}

function encodeEntry({ flag, body, propertiesBytes }: BatchEntry): Buffer {
  if (propertiesBytes.length > PROPERTIES_BYTES_MAX) {
    throw new MqError(
      'messageIllegal',
      `properties of ${propertiesBytes.length} bytes, more than ${PROPERTIES_BYTES_MAX}`,
    )
  }
  const bytes = Buffer.alloc(BATCH_ENTRY_BYTES_MIN + body.length + propertiesBytes.length)
  putInt32(bytes, 0, bytes.length)
  putInt32(bytes, 12, flag)
  putInt32(bytes, 16, body.length)
  body.copy(bytes, 20)
  putInt16(bytes, 20 + body.length, propertiesBytes.length)
  propertiesBytes.copy(bytes, 22 + body.length)
  return bytes
}
