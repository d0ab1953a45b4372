/** Bits of a message's sysFlag, as stored in the log and sent in `f`/`sysFlag` of a send request. */
export const MessageSysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  /** Two bits that hold the transaction's state: none 0, or one of the three below. */
  TRANSACTION_MASK: 0xc,
  TRANSACTION_PREPARED: 0x4,
  TRANSACTION_COMMIT: 0x8,
  TRANSACTION_ROLLBACK: 0xc,
  BORN_HOST_V6: 0x10,
  STORE_HOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
  /**
   * Three bits that say how a compressed body is compressed; 0 means zlib, from before there was a choice.
   */
  COMPRESSION_MASK: 0x700,
  COMPRESSION_LZ4: 0x100,
  COMPRESSION_ZSTD: 0x200,
  COMPRESSION_ZLIB: 0x300,
} as const

/** Bits of the `sysFlag` header field of a pull request. */
export const PullSysFlag = {
  /** The request carries an offset to commit. */
  COMMIT_OFFSET: 0x1,
  /** The broker may hold the request until a message comes. */
  SUSPEND: 0x2,
  /** The request carries its own filter expression. */
  SUBSCRIPTION: 0x4,
  CLASS_FILTER: 0x8,
  LITE_PULL: 0x10,
} as const

/** Bits of `topicSysFlag`; TernMQ stores and returns them and does no more. */
export const TopicSysFlag = { UNIT: 0x1, UNIT_SUB: 0x2 } as const

/** The compressions a sysFlag can name. */
export type Compression = 'none' | 'zlib' | 'lz4' | 'zstd'

/** How a body is compressed by its sysFlag; undefined for a type RocketMQ has not defined. */
export function compressionOf(sysFlag: number): Compression | undefined {
  if ((sysFlag & MessageSysFlag.COMPRESSED) === 0) return 'none'
  switch (sysFlag & MessageSysFlag.COMPRESSION_MASK) {
    case 0:
    case MessageSysFlag.COMPRESSION_ZLIB:
      return 'zlib'
    case MessageSysFlag.COMPRESSION_LZ4:
      return 'lz4'
    case MessageSysFlag.COMPRESSION_ZSTD:
      return 'zstd'
    default:
      return undefined
  }
}
