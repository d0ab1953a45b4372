import type { Disk } from '../base/host.ts'
import { putInt64 } from '../protocol/big-endian.ts'

const CHECKPOINT_BYTES = 4096

/** Times and positions as RocketMQ's StoreCheckpoint keeps them. */
export interface CheckpointTimes {
  /** Store time of the newest durable record. */
  readonly physicMsgTimestamp: number
  /** Store time of the newest record whose queue entry is durable. */
  readonly logicsMsgTimestamp: number
  /** End time of the newest index file that is full. */
  readonly indexMsgTimestamp: number
}

/**
 * Writes RocketMQ's `checkpoint`, for a RocketMQ broker that may open this store: after a crash it begins at a file whose first
 * message is older than these times. Our own recovery does not read it (R3).
 */
export function writeCheckpoint(disk: Disk, path: string, times: CheckpointTimes): void {
  const bytes = Buffer.alloc(CHECKPOINT_BYTES)
  putInt64(bytes, 0, times.physicMsgTimestamp)
  putInt64(bytes, 8, times.logicsMsgTimestamp)
  putInt64(bytes, 16, times.indexMsgTimestamp)
  const file = disk.openSync(path, 'create')
  try {
    file.writeSync([bytes], 0)
  } finally {
    file.closeSync()
  }
}
