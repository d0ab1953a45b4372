import { deflateSync, inflateSync } from 'node:zlib'
import { MqError } from '../base/errors.ts'

/** Bodies of this many bytes and more are compressed by clients unless told otherwise. */
export const COMPRESS_BYTES_MIN = 4096

/** The zlib level of RocketMQ's clients. */
const ZLIB_LEVEL = 5

/** Compresses a body as Java and Go clients do by default: a zlib stream with its header (RFC 1950). */
export function deflateBody(body: Buffer): Buffer {
  return deflateSync(body, { level: ZLIB_LEVEL })
}

/**
 * Undoes `deflateBody`.
 * @throws MqError badRecord when the bytes are no zlib stream, or hold more than `bytesMax`
 */
export function inflateBody(body: Buffer, bytesMax: number): Buffer {
  try {
    return inflateSync(body, { maxOutputLength: bytesMax })
  } catch (cause) {
    throw new MqError('badRecord', `body of ${body.length} bytes cannot be inflated to at most ${bytesMax}`, {
      cause,
    })
  }
}
