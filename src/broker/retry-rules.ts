/** Level of the first try; each further one waits a level longer (protocol/semantics.md §5). */
const FIRST_LEVEL = 3

/** A message as its group gives it back. */
export interface GivenBackCount {
  /** Tries behind the first so far. */
  readonly reconsumeTimes: number
  /** Tries after which it goes to the dead letters. */
  readonly reconsumeTimesMax: number
  /** Level after which it is tried again; 0: the broker decides; negative: never, it goes to the dead letters. */
  readonly delayLevel: number
}

/** How it goes on, and what its copy counts. */
export interface RetryDecision {
  readonly isDead: boolean
  /** Level at which the copy waits; it may be above the highest, and counts as that then. Of a dead one it means nothing. */
  readonly level: number
  readonly reconsumeTimes: number
}

/** What becomes of a message given back (RocketMQ's AbstractSendMessageProcessor.consumerSendMsgBack; protocol/semantics.md §5). */
export function decideRetry({
  reconsumeTimes,
  reconsumeTimesMax,
  delayLevel,
}: GivenBackCount): RetryDecision {
  return {
    isDead: delayLevel < 0 || reconsumeTimes >= reconsumeTimesMax,
    level: delayLevel > 0 ? delayLevel : FIRST_LEVEL + reconsumeTimes,
    reconsumeTimes: reconsumeTimes + 1,
  }
}
