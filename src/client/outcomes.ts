/** The default delays of RocketMQ's levels 1 to 18. */
const levelDelaysMs = [
  ...[1, 5, 10, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120].map((minutes) => minutes * 60_000),
]

/**
 * Thrown by a handler: the message is delivered again, to any client of the group. Every other error does the
 * same, with the broker's own delay.
 */
export class Retry extends Error {
  /** 1 to 18; 0: the broker decides, later each time. */
  readonly delayLevel: number
  /** What was asked for, where it was a time. */
  readonly delayMs: number | undefined

  /** @param delay a level of the broker, or a time, for which the next longer level is taken */
  constructor(
    delay: { readonly level: number } | { readonly ms: number } = { level: 0 },
    options?: ErrorOptions,
  ) {
    super('to be delivered again', options)
    this.name = 'Retry'
    this.delayMs = 'ms' in delay ? delay.ms : undefined
    this.delayLevel = 'ms' in delay ? levelOf(delay.ms) : delay.level
  }
}

/** Thrown by a handler: the message goes to the group's dead-letter queue at once. */
export class Reject extends Error {
  constructor(reason = 'rejected by its handler', options?: ErrorOptions) {
    super(reason, options)
    this.name = 'Reject'
  }
}

/** How long the default delay of a level is; that of the last for all beyond. */
export function delayMsOfLevel(level: number): number {
  return levelDelaysMs[Math.min(Math.max(level, 1), levelDelaysMs.length) - 1] ?? 0
}

function levelOf(delayMs: number): number {
  const index = levelDelaysMs.findIndex((levelMs) => levelMs >= delayMs)
  return index < 0 ? levelDelaysMs.length : index + 1
}
