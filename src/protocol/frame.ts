import { MqError } from '../base/errors.ts'
import { int32At } from './big-endian.ts'

/** Java's default cap on `length`, the bytes behind the length field (`com.rocketmq.remoting.frameMaxLength`). */
export const FRAME_LENGTH_MAX = 16_777_216

/** Most bytes of a header: 32,767 of properties can grow sixfold by JSON escapes. */
export const HEADER_BYTES_MAX = 262_144

/** How a header is written: the byte behind the length. */
export const SerializeType = { JSON: 0, ROCKETMQ: 1 } as const

/** Bytes in front of the header: length and header length with the serialize type. */
export const FRAME_PREFIX_BYTES = 8

const FIRST_REST_BYTES = 4096

/**
 * Cuts the byte stream of one connection into frames (protocol/remoting.md §1), big-endian:
 *
 *     length:int32                  the bytes that follow: 4 + header + body
 *     type:uint8  headerLen:uint24  how the header is written (`SerializeType`), and its bytes
 *     header, body
 *
 * After `next()` returned true, header and body are ranges of `buffer`, good as long as the chunk is. Lengths are checked before
 * anything is kept, and memory grows with the bytes that came, not with those claimed.
 */
export class FrameReader {
  buffer: Buffer = EMPTY
  serializeType = 0
  headerAt = 0
  headerEnd = 0
  bodyEnd = 0
  readonly #lengthMax: number
  #chunk: Buffer = EMPTY
  #chunkAt = 0
  /** The beginning of a frame whose end has not come yet. */
  #rest: Buffer = EMPTY
  #restBytes = 0

  constructor(lengthMax: number = FRAME_LENGTH_MAX) {
    this.#lengthMax = lengthMax
  }

  /** Bytes held of a frame that is not whole yet. */
  get restBytes(): number {
    return this.#restBytes
  }

  /**
   * Takes the next chunk of the stream; the one before must have been read until `next()` returned false, or be kept by `hold`.
   */
  push(chunk: Buffer): void {
    this.#chunk = chunk
    this.#chunkAt = 0
  }

  /**
   * Moves to the next whole frame.
   * @returns false when the stream so far holds no further one
   * @throws MqError badFrame when the lengths contradict each other or the limits: the stream is lost
   */
  next(): boolean {
    if (this.#restBytes > 0) return this.#nextFromRest()
    const bytes = this.#chunk.length - this.#chunkAt
    if (bytes >= FRAME_PREFIX_BYTES) {
      const frameBytes = this.#frameBytesAt(this.#chunk, this.#chunkAt)
      if (bytes >= frameBytes) {
        this.#emit(this.#chunk, this.#chunkAt, frameBytes)
        this.#chunkAt += frameBytes
        return true
      }
      this.#keep(Math.min(frameBytes, Math.max(bytes, FIRST_REST_BYTES)))
    } else if (bytes > 0) this.#keep(FRAME_PREFIX_BYTES)
    this.#chunk = EMPTY
    this.#chunkAt = 0
    return false
  }

  /** Keeps what was not read of the chunk, which its owner takes back. */
  hold(): void {
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#chunkAt))
    this.#chunkAt = 0
  }

  #nextFromRest(): boolean {
    if (!this.#fill(FRAME_PREFIX_BYTES)) return false
    const frameBytes = this.#frameBytesAt(this.#rest, 0)
    if (!this.#fill(frameBytes)) return false
    this.#emit(this.#rest, 0, frameBytes)
    this.#rest = EMPTY
    this.#restBytes = 0
    return true
  }

  /** Copies from the chunk until the rest holds `bytes`. */
  #fill(bytes: number): boolean {
    const missing = bytes - this.#restBytes
    if (missing <= 0) return true
    const taken = Math.min(missing, this.#chunk.length - this.#chunkAt)
    if (this.#restBytes + taken > this.#rest.length) this.#grow(bytes, this.#restBytes + taken)
    this.#chunk.copy(this.#rest, this.#restBytes, this.#chunkAt, this.#chunkAt + taken)
    this.#restBytes += taken
    this.#chunkAt += taken
    return taken === missing
  }

  #grow(frameBytes: number, neededBytes: number): void {
    const grown = Buffer.allocUnsafeSlow(
      Math.min(frameBytes, Math.max(neededBytes, this.#rest.length * 2, FIRST_REST_BYTES)),
    )
    this.#rest.copy(grown, 0, 0, this.#restBytes)
    this.#rest = grown
  }

  #keep(capacityBytes: number): void {
    const bytes = this.#chunk.length - this.#chunkAt
    this.#rest = Buffer.allocUnsafeSlow(Math.max(capacityBytes, bytes))
    this.#chunk.copy(this.#rest, 0, this.#chunkAt)
    this.#restBytes = bytes
  }

  #frameBytesAt(source: Buffer, at: number): number {
    const length = int32At(source, at)
    const headerLength = int32At(source, at + 4) & 0xffffff
    if (length < 4 || length > this.#lengthMax || headerLength > length - 4) {
      throw new MqError('badFrame', `frame of length ${length} with header length ${headerLength}`)
    }
    const serializeType = source[at + 4]
    if (serializeType !== SerializeType.JSON && serializeType !== SerializeType.ROCKETMQ) {
      throw new MqError('badFrame', `serialize type ${serializeType}`)
    }
    if (headerLength > HEADER_BYTES_MAX) {
      throw new MqError('badFrame', `header of ${headerLength} bytes, more than ${HEADER_BYTES_MAX}`)
    }
    return 4 + length
  }

  #emit(buffer: Buffer, at: number, frameBytes: number): void {
    const typeAndLength = int32At(buffer, at + 4)
    this.buffer = buffer
    this.serializeType = typeAndLength >>> 24
    this.headerAt = at + FRAME_PREFIX_BYTES
    this.headerEnd = this.headerAt + (typeAndLength & 0xffffff)
    this.bodyEnd = at + frameBytes
  }
}

const EMPTY = Buffer.alloc(0)
