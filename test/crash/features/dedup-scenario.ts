import type { Producer, ReceivedMessage } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { OnceTopic } from './once-topic.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-dedup', queueCount: 2 }
const WORKERS = 3

/** Messages with a key, sent again when no answer came, and now and then when one did: one record, one answer. */
export class DedupScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('deduplication')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #producer: Producer
  readonly #records: OnceTopic
  /** Sent and not answered: each is sent again. */
  readonly #unanswered: number[] = []
  /** Where each message was said to be. */
  readonly #answers: string[] = []
  #next = 0

  constructor(desk: FeatureDesk) {
    this.#desk = desk
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-dedup' })
    this.#records = new OnceTopic(desk, this.#tally, QUEUES)
  }

  send(round: Round): Promise<void>[] {
    return Array.from({ length: WORKERS }, () => round.repeat(() => this.#sendOne(), 5))
  }

  consume(round: Round): Promise<void>[] {
    return this.#records.consume(round, this.#seen)
  }

  get isSettled(): boolean {
    return this.#records.log.isSettled
  }

  check(): Promise<void> {
    return this.#records.check()
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  async #sendOne(): Promise<void> {
    const number = this.#unanswered.pop() ?? this.#knownOrNew()
    try {
      const { queue, queueOffset, offsetMessageId } = await this.#producer.send({
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
    if (this.#next > 0 && this.#desk.chance(0.3)) {
      this.#tally.again++
      return this.#desk.pick(0, this.#next)
    }
    const number = this.#next++
    this.#records.log.tried(number, 0)
    return number
  }

  #answered(number: number, answer: string): void {
    const known = this.#answers[number]
    if (known === undefined) {
      this.#answers[number] = answer
      this.#records.log.owe(number, 'one')
      this.#tally.acked++
    } else if (known !== answer)
      this.#tally.fault('double', `message ${number} was at ${known}, and now is at ${answer}`)
  }

  readonly #seen = (message: ReceivedMessage): void => {
    const { queue, queueOffset, offsetMessageId } = message
    const known = this.#answers[Number(message.text)]
    const place = `${queue.queueId} ${queueOffset} ${offsetMessageId}`
    if (known !== undefined && known !== place)
      this.#tally.fault('ghost', `message ${message.text} is at ${place}, and was said to be at ${known}`)
  }
}
