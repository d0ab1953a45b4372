import type { DiskSpace } from '../base/host.ts'

/** RocketMQ's retention settings (protocol/storage.md §8). */
export interface RetentionSettings {
  readonly fileReservedHours: number
  /** Hours of the day at which expired files are deleted. */
  readonly deleteWhen: readonly number[]
  /** Used share of the disk, 0 to 1, above which expired files are deleted at any hour. */
  readonly maxUsedRatio: number
  /** Above which files are deleted before they expire, the oldest first. */
  readonly cleanForciblyRatio: number
  readonly isCleanForciblyEnabled: boolean
  /** Above which messages are refused. */
  readonly warningRatio: number
}

/** Most files deleted in one run. */
const FILES_PER_RUN = 10

/** How far below its limit the used share must fall before messages are taken again. */
const RATIO_HYSTERESIS = 0.01

/** Free bytes without which the disk counts as full. */
export const FREE_BYTES_MIN = 1024 * 1024

export type RetentionReason = 'expired' | 'disk nearly full'

/**
 * How many of the oldest log files are to be deleted now, and why. The newest file stays always.
 * @param files time of the last write and whether the store can do without it, oldest first
 */
export function planRetention(
  files: readonly { readonly modifiedMs: number; readonly mayGo: boolean }[],
  now: { readonly nowMs: number; readonly hour: number; readonly usedRatio: number },
  settings: RetentionSettings,
): { count: number; reason: RetentionReason } {
  const free = files.findIndex(({ mayGo }, index) => !mayGo || index === files.length - 1)
  const deletable = Math.min(Math.max(free, 0), FILES_PER_RUN)
  if (settings.isCleanForciblyEnabled && now.usedRatio > settings.cleanForciblyRatio) {
    return { count: deletable, reason: 'disk nearly full' }
  }
  const isTime = settings.deleteWhen.includes(now.hour) || now.usedRatio > settings.maxUsedRatio
  let count = 0
  const expiredBefore = now.nowMs - settings.fileReservedHours * 3_600_000
  while (isTime && count < deletable && (files[count]?.modifiedMs ?? now.nowMs) <= expiredBefore) count++
  return { count, reason: 'expired' }
}

export function usedRatioOf(space: DiskSpace): number {
  return space.totalBytes > 0 ? 1 - space.freeBytes / space.totalBytes : 0
}

/**
 * Whether the disk takes messages: a function of its space, asked each second, never a flag that somebody has to take back
 * (R16, issues apache/rocketmq#2398 and #2260).
 */
export class DiskGate {
  /** Why messages are refused; undefined while they are not. */
  refusal: string | undefined
  readonly #settings: RetentionSettings
  #hasRefused = false

  constructor(settings: RetentionSettings) {
    this.#settings = settings
  }

  /** The disk refused a write for want of space. */
  refused(): void {
    this.#hasRefused = true
    this.refusal = 'the disk is full'
  }

  /** @param freeBytesMin room with which a disk that has refused a write counts as not full again */
  measured(space: DiskSpace, freeBytesMin = FREE_BYTES_MIN): void {
    const usedRatio = usedRatioOf(space)
    const limit = this.#settings.warningRatio - (this.refusal === undefined ? 0 : RATIO_HYSTERESIS)
    if (space.freeBytes >= freeBytesMin) this.#hasRefused = false
    if (usedRatio > limit) {
      const percent = (ratio: number): string => (ratio * 100).toFixed(1)
      this.refusal = `the disk is ${percent(usedRatio)} % full, more than ${percent(limit)} % (diskSpaceWarningLevelRatio)`
    } else this.refusal = this.#hasRefused ? 'the disk is full' : undefined
  }
}
