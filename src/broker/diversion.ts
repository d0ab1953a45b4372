import type { TopicQueues } from '../store/consume-queue-table.ts'
import type { AppendOutcome, AppendWaiter } from '../store/pending-appends.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { StoredProperties } from './stored-properties.ts'
import type { Topic } from './topic-table.ts'

/** Where a message goes first, in place of the queue that it was sent to. */
export interface Diversion {
  readonly topic: TopicQueues
  readonly queueId: number
  /** The topic whose statistics count it; undefined: the one it was sent to. */
  readonly countedFor?: Topic
  /** Of a timer message: its TIMER_OUT_MS, by which it can be recalled. */
  readonly timerOutMs?: number
}

/**
 * A feature's say on a message before it is stored: undefined where it is not concerned, else where the message goes first; the feature
 * has then put into the properties what it needs to bring it to its topic later.
 * @throws MqError where the message may not be stored at all
 */
export type Divert = (message: IncomingMessage, properties: StoredProperties) => Diversion | undefined

/** Answers for a diverted message with the queue that it was sent to, as RocketMQ does. */
export class DivertedWaiter implements AppendWaiter {
  readonly #waiter: AppendWaiter
  readonly #queueId: number

  constructor(waiter: AppendWaiter, queueId: number) {
    this.#waiter = waiter
    this.#queueId = queueId
  }

  appended(
    outcome: AppendOutcome,
    token: number,
    _queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    this.#waiter.appended(outcome, token, this.#queueId, queueOffset, physicalOffset)
  }
}
