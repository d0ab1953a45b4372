import type { Recorded } from '../measure/records.ts'

/** What the load driver writes about one scenario; the Java class `Window` says how each figure is taken. */
export interface LoadResult extends Recorded {
  readonly record: 'load'
  readonly scenario: string
  readonly label: string
  readonly run: number
  readonly messages: number
  readonly windowS: number
  readonly messagesPerS: number
  /** utime + stime of the broker in the window, microseconds per message. */
  readonly brokerCpuUsPerMessage: number
  readonly clientCpuUsPerMessage: number
  /** What everything else on the machine used in the window. */
  readonly otherCpuS: number
  /** Flushes that the machine's disks completed in the window; absent in older results. */
  readonly diskFlushesPerS?: number
  readonly brokerRssMiB: number
  readonly brokerAnonMiB: number
  readonly latencyP50Us?: number
  readonly latencyP99Us?: number
  readonly latencyP999Us?: number
  readonly errors: number
  readonly firstError?: string
  /** Promises that did not hold: such a row is no good figure. */
  readonly problems: readonly string[]
}

/** A scenario that gave no figures. */
export interface LoadFailure extends Recorded {
  readonly record: 'failure'
  readonly scenario: string
  readonly label: string
  readonly run: number
  readonly reason: string
}

/** What one attempt at a scenario left. */
export type LoadRecord = LoadResult | LoadFailure

export function isLoadRecord(record: Recorded): record is LoadRecord {
  return record.record === 'load' || record.record === 'failure'
}
