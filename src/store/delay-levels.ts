import { MqError } from '../base/errors.ts'

/** RocketMQ's default of `messageDelayLevel`. */
export const DELAY_LEVELS_DEFAULT = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h'

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The delays that messages may ask for by level, counted from 1. */
export class DelayLevels {
  readonly #delaysMs: readonly number[]

  /** @throws MqError badSetting when a level is not a whole number and one of s, m, h, d */
  constructor(text: string = DELAY_LEVELS_DEFAULT) {
    this.#delaysMs = text.trim().split(/\s+/).map(delayMsOf)
  }

  get levelMax(): number {
    return this.#delaysMs.length
  }

  /** Delay of a level; levels above the highest count as the highest (protocol/semantics.md §4). */
  delayMs(level: number): number {
    return this.#delaysMs[Math.min(level, this.levelMax) - 1] ?? 0
  }
}

function delayMsOf(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? []
  const ms = Number(count) * (unitMs[unit] ?? Number.NaN)
  if (!Number.isSafeInteger(ms))
    throw new MqError('badSetting', `messageDelayLevel has the level "${text}", wants such as 30s, 2m, 1h`)
  return ms
}
