import { ClientError } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import { OnceScenario } from './once-scenario.ts'

const QUEUES = { topic: 'crash-timer', queueCount: 2, isTimed: true }

/** What a client hears when it does not know what became of its request. */
const unsure: ReadonlySet<string> = new Set(['connectionLost', 'timeout'])

/** Messages with a time of their own, of which some are called back before it. */
export class TimerScenario extends OnceScenario {
  readonly #delayMsMax: number

  constructor(desk: FeatureDesk, delayMsMax: number) {
    super(desk, { name: 'timers, recall', group: 'crash-timer', queues: QUEUES })
    this.#delayMsMax = delayMsMax
  }

  protected async sendOne(): Promise<void> {
    const number = this.next++
    const delayMs = this.desk.pick(1, this.#delayMsMax)
    const deliverAtMs = Date.now() + delayMs
    this.records.log.tried(number, deliverAtMs)
    const when = this.desk.chance(0.5) ? { deliverAtMs } : { delayMs }
    const { recallHandle } = await this.producer.send({ topic: QUEUES.topic, body: String(number), ...when })
    this.records.log.owe(number, 'one')
    this.tally.acked++
    if (recallHandle !== undefined && this.desk.chance(0.3))
      await this.#recall(number, recallHandle, deliverAtMs)
  }

  async #recall(number: number, recallHandle: string, deliverAtMs: number): Promise<void> {
    this.records.log.owe(number, 'either')
    try {
      await this.producer.recall(QUEUES.topic, recallHandle)
      // heard in time, it holds
      if (Date.now() < deliverAtMs) this.records.log.owe(number, 'none')
    } catch (error) {
      // a clear refusal leaves the message as it was
      if (error instanceof ClientError && !unsure.has(error.code)) this.records.log.owe(number, 'one')
      else throw error
    }
  }
}
