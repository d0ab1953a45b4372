import { deflateSync, inflateSync } from 'node:zlib'
import { MqError } from '../base/errors.ts'
import { CODEC_SOURCES, type OptionalCodec, optionalCodec } from '../base/host/optional-codecs.ts'
import { type Compression, compressionOf, MessageSysFlag } from './sys-flag.ts'

/** Bodies of this many bytes and more are compressed by clients unless told otherwise. */
export const COMPRESS_BYTES_MIN = 4096

/** The zlib level of RocketMQ's clients. */
const ZLIB_LEVEL = 5

/** The bits of a sysFlag that say how a body is compressed (RocketMQ 5.x CompressionType). */
export const COMPRESSION_FLAGS = {
  zlib: MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_ZLIB,
  lz4: MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_LZ4,
  zstd: MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_ZSTD,
} as const satisfies Record<Exclude<Compression, 'none'>, number>

/** How a client compresses bodies. */
export type BodyCompression = keyof typeof COMPRESSION_FLAGS

/**
 * Compresses a body as RocketMQ's clients do: a zlib stream with its header (RFC 1950), an LZ4 frame, a
 * Zstandard frame.
 * @throws MqError notSupported where this process has no codec for it
 */
export function compressBody(body: Buffer, compression: BodyCompression): Buffer {
  if (compression === 'zlib') return deflateSync(body, { level: ZLIB_LEVEL })
  return requiredCodec(compression).compress(body)
}

/**
 * The body as it was sent, by the sysFlag of its message.
 * @throws MqError badRecord when the bytes are damaged or hold more than `bytesMax`, notSupported where this
 *   process has no codec for them
 */
export function decompressBody(body: Buffer, sysFlag: number, bytesMax: number): Buffer {
  const compression = compressionOf(sysFlag)
  if (compression === 'none') return body
  if (compression === undefined) {
    const type = (sysFlag & MessageSysFlag.COMPRESSION_MASK) >> 8
    throw new MqError('notSupported', `a body compressed by type ${type}, which RocketMQ does not define`)
  }
  const codec = compression === 'zlib' ? undefined : requiredCodec(compression)
  try {
    return codec ? codec.decompress(body, bytesMax) : inflateSync(body, { maxOutputLength: bytesMax })
  } catch (cause) {
    const what = `body of ${body.length} bytes cannot be decompressed (${compression}) to at most ${bytesMax}`
    throw new MqError('badRecord', what, { cause })
  }
}

/** @throws MqError notSupported, saying what would bring it */
export function requiredCodec(compression: Exclude<BodyCompression, 'zlib'>): OptionalCodec {
  const codec = optionalCodec(compression)
  if (codec) return codec
  throw new MqError('notSupported', `${compression} wants ${CODEC_SOURCES[compression]}, which is not here`)
}
