import type { IndexShape } from './index-file.ts'
import type { ReadLimits } from './message-reader.ts'
import type { RetentionSettings } from './retention-plan.ts'

export type FlushDiskType = 'ASYNC_FLUSH' | 'SYNC_FLUSH'

/** What a store is told at its start; `server` makes it from the settings table. */
export interface StoreSettings {
  /** Folder of everything (storePathRootDir). */
  readonly rootDir: string
  /** Folder of the CommitLog (storePathCommitLog). */
  readonly commitLogDir: string
  readonly commitLogFileBytes: number
  readonly consumeQueueFileBytes: number
  readonly flushDiskType: FlushDiskType
  /** Under ASYNC_FLUSH, how often written bytes are made durable. */
  readonly flushIntervalMs: number
  /** Under SYNC_FLUSH, how long an answer waits for the device. */
  readonly syncFlushTimeoutMs: number
  /** Whether records get a CRC over the whole of them (enabledAppendPropCRC). */
  readonly appendsCrc: boolean
  /** A turn with more bytes than this is written off the event loop. */
  readonly syncWriteBytesMax: number
  /** Whether a start goes on without files of the log that are missing between others. */
  readonly acceptsHole: boolean
  /** undefined: no key index. */
  readonly index: IndexShape | undefined
  /** messageDelayLevel */
  readonly delayLevels: string
  /** Most bytes of the log's end kept in memory. */
  readonly tailBytesMax: number
  /** Most bytes of cold files kept in memory. */
  readonly cacheBytesMax: number
  /** Most files kept open. */
  readonly handlesMax: number
  readonly readLimits: ReadLimits
  readonly retention: RetentionSettings
  /** Put into the `abort` file, as RocketMQ does. */
  readonly processId: string
}
