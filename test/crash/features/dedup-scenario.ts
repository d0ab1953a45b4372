import type { ReceivedMessage } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import { OnceScenario } from './once-scenario.ts'

const QUEUES = { topic: 'crash-dedup', queueCount: 2 }

/** Messages with a key, sent again when no answer came, and now and then when one did: one record, one answer. */
export class DedupScenario extends OnceScenario {
  /** Sent and not answered: each is sent again. */
  readonly #unanswered: number[] = []
  /** Where each message was said to be. */
  readonly #answers: string[] = []

  constructor(desk: FeatureDesk) {
    super(desk, { name: 'deduplication', group: 'crash-dedup', queues: QUEUES })
  }

  protected async sendOne(): Promise<void> {
    const number = this.#unanswered.pop() ?? this.#knownOrNew()
    try {
      const { queue, queueOffset, offsetMessageId } = await this.producer.send({
        topic: QUEUES.topic,
        body: String(number),
        properties: { TERN_DEDUP_KEY: `key-${number}` },
      })
      this.#answered(number, `${queue.queueId} ${queueOffset} ${offsetMessageId}`)
    } catch (error) {
      this.#unanswered.push(number)
      throw error
    }
  }

  #knownOrNew(): number {
    if (this.next > 0 && this.desk.chance(0.3)) {
      this.tally.again++
      return this.desk.pick(0, this.next)
    }
    const number = this.next++
    this.records.log.tried(number, 0)
    return number
  }

  #answered(number: number, answer: string): void {
    const known = this.#answers[number]
    if (known === undefined) {
      this.#answers[number] = answer
      this.records.log.owe(number, 'one')
      this.tally.acked++
    } else if (known !== answer)
      this.tally.fault('double', `message ${number} was at ${known}, and now is at ${answer}`)
  }

  protected override readonly seen = (message: ReceivedMessage): void => {
    const { queue, queueOffset, offsetMessageId } = message
    const known = this.#answers[Number(message.text)]
    const place = `${queue.queueId} ${queueOffset} ${offsetMessageId}`
    if (known !== undefined && known !== place)
      this.tally.fault('ghost', `message ${message.text} is at ${place}, and was said to be at ${known}`)
  }
}
