import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import { BatchAnswer } from './batch-answer.ts'
import type { SendAnswerForm } from './send-answers.ts'

/**
 * Answers a batch of which some may repeat messages that were stored before: it hears of each by itself, known by its index, and names each by
 * where the first of its key lies.
 */
export class KeyedBatchAnswer implements AppendWaiter {
  readonly #answer: BatchAnswer
  readonly #physicalOffsets: number[]
  #left: number
  /** The worst of all. */
  #outcome: AppendOutcome = 'stored'
  /** Of the first message. */
  #queueId = 0
  #queueOffset = 0

  constructor(
    connection: RemotingConnection,
    form: SendAnswerForm,
    batch: { opaque: number; uniqueKey: string | undefined; count: number },
  ) {
    this.#answer = new BatchAnswer(connection, form, batch.opaque, batch.uniqueKey)
    this.#left = batch.count
    this.#physicalOffsets = new Array<number>(batch.count).fill(-1)
  }

  appended(
    outcome: AppendOutcome,
    index: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    this.#physicalOffsets[index] = physicalOffset
    if (index === 0) {
      this.#queueId = queueId
      this.#queueOffset = queueOffset
    }
    if (outcome === 'notWritable' || this.#outcome === 'stored') this.#outcome = outcome
    if (--this.#left > 0) return
    for (const offset of this.#physicalOffsets) this.#answer.add(offset)
    const lastQueueOffset = this.#queueOffset + this.#physicalOffsets.length - 1
    this.#answer.appended(this.#outcome, 0, this.#queueId, lastQueueOffset)
  }
}
