import { readFile } from '../../base/atomic-file.ts'
import type { Disk } from '../../base/host.ts'
import { int64At } from '../../protocol/big-endian.ts'

/**
 * How far the timers of a store are that RocketMQ wrote (config/timercheck; protocol/storage.md §5).
 * @returns time before which all timer messages were delivered, ms since 1970; undefined when the store had none
 */
export function readRocketmqProgress(disk: Disk, rootDir: string): number | undefined {
  const content = readFile(disk, `${rootDir}/config/timercheck`)
  return content && content.length >= 8 ? int64At(content, 0) : undefined
}
