import type { ReceivedMessage } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureTally } from './feature-tally.ts'
import { OnceLog } from './once-log.ts'
import { QueueTail } from './queue-tail.ts'
import type { Round } from './round.ts'

/** How long the broker may hold a pull. */
const HELD_MS = 300

export interface OnceTopicOptions {
  readonly topic: string
  readonly queueCount: number
  /** See `OnceLog`. */
  readonly isTimed?: boolean
}

/** A topic of messages that have one record each. */
export class OnceTopic {
  readonly log: OnceLog
  readonly #tails: readonly QueueTail[]

  constructor(
    desk: FeatureDesk,
    tally: FeatureTally,
    { topic, queueCount, isTimed = false }: OnceTopicOptions,
  ) {
    this.log = new OnceLog(tally, isTimed)
    this.#tails = Array.from(
      { length: queueCount },
      (_, queueId) => new QueueTail(desk, tally, { topic, queueId }),
    )
  }

  /** Reads all queues until the round is over. */
  consume(round: Round, seen: (message: ReceivedMessage) => void = () => undefined): Promise<void>[] {
    return this.#tails.map((tail) =>
      round.repeat(async () => {
        for (const message of await tail.read(HELD_MS)) {
          this.log.seen(message)
          seen(message)
        }
      }, 5),
    )
  }

  /** Names what is wrong at the end. @throws ClientError when the broker cannot be asked */
  async check(): Promise<void> {
    for (const tail of this.#tails) await tail.recheck()
    this.log.check()
  }
}
