import type { FeatureDesk } from './feature-desk.ts'
import { OnceScenario } from './once-scenario.ts'

const QUEUES = { topic: 'crash-delay', queueCount: 2, isTimed: true }

/** Messages of delay levels: one record each, when it is due. */
export class DelayScenario extends OnceScenario {
  readonly #levelsMs: readonly number[]

  /** @param levelsMs what the broker's levels are, from 1 */
  constructor(desk: FeatureDesk, levelsMs: readonly number[]) {
    super(desk, { name: 'delay levels', group: 'crash-delay', queues: QUEUES })
    this.#levelsMs = levelsMs
  }

  protected async sendOne(): Promise<void> {
    const number = this.next++
    const delayLevel = this.desk.pick(1, this.#levelsMs.length + 1)
    this.records.log.tried(number, Date.now() + (this.#levelsMs[delayLevel - 1] ?? 0))
    await this.producer.send({ topic: QUEUES.topic, body: String(number), delayLevel })
    this.records.log.owe(number, 'one')
    this.tally.acked++
  }
}
