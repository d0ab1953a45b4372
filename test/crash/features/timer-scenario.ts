import { ClientError, type Producer } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { OnceTopic } from './once-topic.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-timer', queueCount: 2, isTimed: true }
const WORKERS = 3

/** What a client hears when it does not know what became of its request. */
const unsure: ReadonlySet<string> = new Set(['connectionLost', 'timeout'])

/** Messages with a time of their own, of which some are called back before it. */
export class TimerScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('timers, recall')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #delayMsMax: number
  readonly #producer: Producer
  readonly #records: OnceTopic
  #next = 0

  constructor(desk: FeatureDesk, delayMsMax: number) {
    this.#desk = desk
    this.#delayMsMax = delayMsMax
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-timer' })
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
    const delayMs = this.#desk.pick(1, this.#delayMsMax)
    const deliverAtMs = Date.now() + delayMs
    this.#records.log.tried(number, deliverAtMs)
    const when = this.#desk.chance(0.5) ? { deliverAtMs } : { delayMs }
    const { recallHandle } = await this.#producer.send({ topic: QUEUES.topic, body: String(number), ...when })
    this.#records.log.owe(number, 'one')
    this.#tally.acked++
    if (recallHandle !== undefined && this.#desk.chance(0.3))
      await this.#recall(number, recallHandle, deliverAtMs)
  }

  async #recall(number: number, recallHandle: string, deliverAtMs: number): Promise<void> {
    this.#records.log.owe(number, 'either')
    try {
      await this.#producer.recall(QUEUES.topic, recallHandle)
      // heard in time, it holds
      if (Date.now() < deliverAtMs) this.#records.log.owe(number, 'none')
    } catch (error) {
      // a clear refusal leaves the message as it was
      if (error instanceof ClientError && !unsure.has(error.code)) this.#records.log.owe(number, 'one')
      else throw error
    }
  }
}
