import { setTimeout as pause } from 'node:timers/promises'
import type { SeededRandom } from '#ternmq/base/host/seeded-random.ts'
import { type Client, connect } from '#ternmq/client/index.ts'
import { insist } from '../insist.ts'
import { DedupScenario } from './dedup-scenario.ts'
import { DelayScenario } from './delay-scenario.ts'
import { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import type { FeatureTally } from './feature-tally.ts'
import { OrderScenario } from './order-scenario.ts'
import { OrderedPopScenario } from './ordered-pop-scenario.ts'
import { PopScenario } from './pop-scenario.ts'
import { RetryScenario } from './retry-scenario.ts'
import { Round } from './round.ts'
import { TimerScenario } from './timer-scenario.ts'
import { TransactionScenario } from './transaction-scenario.ts'

/** Delays short enough for a test: two to ask for, and those of the first three retries. */
const LEVELS_SEC = [1, 2, 1, 1, 2]

/** Settings of a broker that the scenarios can wear out in a few minutes. */
export const featureFlags: readonly string[] = [
  ...['--message-delay-level', LEVELS_SEC.map((seconds) => `${seconds}s`).join(' ')],
  ...['--recall-message-enable', 'true', '--dedup-window-ms', '3600000'],
  // timers of more than two seconds are stored again on their way
  ...['--timer-roll-window-slot', '2'],
  ...['--transaction-time-out', '300', '--transaction-check-interval', '300', '--transaction-check-max', '6'],
]

/** How long what is owed may take to come when no broker dies any more. */
const SETTLE_MS_MAX = 60_000

/** How long is waited for what must not come. */
const LINGER_MS = 1500

/** All features at once, beside the plain load: sends, consumes, and knows what must have come of it. */
export class FeatureLoad {
  readonly #client: Client
  readonly #scenarios: readonly FeatureScenario[]
  #round = new Round()
  #workers: Promise<void>[] = []

  private constructor(client: Client, scenarios: readonly FeatureScenario[]) {
    this.#client = client
    this.#scenarios = scenarios
  }

  static async start(parts: {
    namesrv: string
    brokerAddress: string
    random: SeededRandom
    /** Longest delay of a timer message. */
    timerMsMax: number
  }): Promise<FeatureLoad> {
    const client = await connect({ namesrv: parts.namesrv })
    const desk = new FeatureDesk({ client, ...parts })
    const levelsMs = LEVELS_SEC.map((seconds) => seconds * 1000)
    const load = new FeatureLoad(client, [
      new DelayScenario(desk, levelsMs.slice(0, 2)),
      new TimerScenario(desk, parts.timerMsMax),
      new RetryScenario(desk, levelsMs),
      new TransactionScenario(desk),
      new PopScenario(desk),
      new OrderedPopScenario(desk),
      new OrderScenario(desk),
      new DedupScenario(desk),
    ])
    for (const { topics } of load.#scenarios)
      for (const topic of topics) await client.admin.createTopic(topic)
    return load
  }

  get tallies(): FeatureTally[] {
    return this.#scenarios.flatMap(({ tallies }) => tallies)
  }

  /** Begins a round. */
  go(): void {
    this.#begin((scenario, round) => [...scenario.send(round), ...scenario.consume(round)])
  }

  /** Ends the round. @throws whatever a worker did not expect */
  async stop(): Promise<void> {
    this.#round.end()
    await Promise.all(this.#workers)
  }

  /** Waits, with a broker that stays, for all that is owed, and looks at what has come. */
  async settle(): Promise<void> {
    for (const scenario of this.#scenarios) await insist(async () => scenario.lastRound?.())
    this.#begin((scenario, round) => scenario.consume(round))
    const deadlineMs = performance.now() + SETTLE_MS_MAX
    while (performance.now() < deadlineMs && !this.#scenarios.every(({ isSettled }) => isSettled))
      await pause(50)
    await pause(LINGER_MS)
    await this.stop()
    for (const scenario of this.#scenarios) await scenario.check()
  }

  async close(): Promise<void> {
    this.#round.end()
    await Promise.allSettled(this.#workers)
    for (const scenario of this.#scenarios) await scenario.close()
    await this.#client.close()
  }

  #begin(workersOf: (scenario: FeatureScenario, round: Round) => Promise<void>[]): void {
    this.#round = new Round()
    this.#workers = this.#scenarios.flatMap((scenario) => workersOf(scenario, this.#round))
    // what one of them did not expect is heard when the round ends
    for (const worker of this.#workers) worker.catch(() => undefined)
  }
}
