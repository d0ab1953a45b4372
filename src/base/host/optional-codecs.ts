import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'
import { errnoOf } from '../errors.ts'

/** A compression that is not there everywhere. Both directions throw what their library throws. */
export interface OptionalCodec {
  compress(bytes: Buffer): Buffer
  /** @throws Error for damaged bytes, and for such that hold more than `bytesMax` */
  decompress(bytes: Buffer, bytesMax: number): Buffer
}

/** What would bring a codec that is missing: a package, or a release of Node.js. */
export const CODEC_SOURCES = { lz4: 'the package lz4-napi', zstd: 'Node.js 22.15, or 23.8' } as const

interface Lz4Package {
  compressFrameSync(bytes: Buffer): Buffer
  decompressFrameSync(bytes: Buffer): Buffer
}

interface ZlibWithZstd {
  zstdCompressSync(bytes: Buffer): Buffer
  zstdDecompressSync(bytes: Buffer, options: { readonly maxOutputLength: number }): Buffer
}

/** Looked up once, when first asked for. */
const found = new Map<keyof typeof CODEC_SOURCES, OptionalCodec | undefined>()

/** The codec, undefined where neither Node.js nor an installed package brings it. */
export function optionalCodec(name: keyof typeof CODEC_SOURCES): OptionalCodec | undefined {
  if (!found.has(name)) found.set(name, name === 'lz4' ? lz4Codec() : zstdCodec())
  return found.get(name)
}

/** LZ4 frames, as lz4-java's LZ4FrameOutputStream writes them. */
function lz4Codec(): OptionalCodec | undefined {
  const lz4 = installed('lz4-napi') as Lz4Package | undefined
  return (
    lz4 && {
      compress: (bytes) => lz4.compressFrameSync(bytes),
      decompress: (bytes, bytesMax) => {
        // the package knows no limit; LZ4 cannot hold more than 255 times its own size
        const whole = lz4.decompressFrameSync(bytes)
        if (whole.length > bytesMax) throw new RangeError(`${whole.length} bytes, more than ${bytesMax}`)
        return whole
      },
    }
  )
}

/** Zstandard frames, as zstd-jni's ZstdOutputStream writes them. */
function zstdCodec(): OptionalCodec | undefined {
  if (!hasZstd(zlib)) return undefined
  const { zstdCompressSync, zstdDecompressSync } = zlib
  return {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, bytesMax) => zstdDecompressSync(bytes, { maxOutputLength: bytesMax }),
  }
}

function hasZstd(module: object): module is ZlibWithZstd {
  return 'zstdCompressSync' in module
}

/** A package that the program has installed beside ours, or not. */
function installed(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name)
  } catch (error) {
    if (errnoOf(error) === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
