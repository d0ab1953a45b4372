import type { Producer } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { OnceTopic } from './once-topic.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-delay', queueCount: 2, isTimed: true }
const WORKERS = 3

/** Messages of delay levels: one record each, when it is due. */
export class DelayScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('delay levels')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #levelsMs: readonly number[]
  readonly #producer: Producer
  readonly #records: OnceTopic
  #next = 0

  /** @param levelsMs what the broker's levels are, from 1 */
  constructor(desk: FeatureDesk, levelsMs: readonly number[]) {
    this.#desk = desk
    this.#levelsMs = levelsMs
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-delay' })
    this.#records = new OnceTopic(desk, this.#tally, QUEUES)
  }

  send(round: Round): Promise<void>[] {
    return Array.from({ length: WORKERS }, () => round.repeat(() => this.#sendOne(), 5))
  }

  consume(round: Round): Promise<void>[] {
    return this.#records.consume(round)
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
    const number = this.#next++
    const delayLevel = this.#desk.pick(1, this.#levelsMs.length + 1)
    this.#records.log.tried(number, Date.now() + (this.#levelsMs[delayLevel - 1] ?? 0))
    await this.#producer.send({ topic: QUEUES.topic, body: String(number), delayLevel })
    this.#records.log.owe(number, 'one')
    this.#tally.acked++
  }
}
