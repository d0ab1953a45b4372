import type { Producer, ReceivedMessage } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { OnceTopic } from './once-topic.ts'
import type { Round } from './round.ts'

const WORKERS = 3

/** What one scenario of numbered messages, each due as one record, has of its own. */
interface OncePlan {
  readonly name: string
  readonly group: string
  readonly queues: ConstructorParameters<typeof OnceTopic>[2]
}

/** Numbered messages of which each becomes one record: what is sent, and what is checked beyond that, is the scenario's own. */
export abstract class OnceScenario implements FeatureScenario {
  readonly tallies: readonly FeatureTally[]
  readonly topics: FeatureScenario['topics']
  protected readonly desk: FeatureDesk
  protected readonly tally: FeatureTally
  protected readonly producer: Producer
  protected readonly records: OnceTopic
  /** Number of the next message. */
  protected next = 0

  constructor(desk: FeatureDesk, { name, group, queues }: OncePlan) {
    this.desk = desk
    this.tally = new FeatureTally(name)
    this.tallies = [this.tally]
    this.topics = [queues]
    this.producer = desk.client.producer({ retries: 0, group })
    this.records = new OnceTopic(desk, this.tally, queues)
  }

  send(round: Round): Promise<void>[] {
    return Array.from({ length: WORKERS }, () => round.repeat(() => this.sendOne(), 5))
  }

  consume(round: Round): Promise<void>[] {
    return this.records.consume(round, this.seen)
  }

  get isSettled(): boolean {
    return this.records.log.isSettled
  }

  check(): Promise<void> {
    return this.records.check()
  }

  async close(): Promise<void> {
    await this.producer.close()
  }

  /** Looks at each message that is consumed, where there is more to check than that it came. */
  protected readonly seen?: (message: ReceivedMessage) => void

  protected abstract sendOne(): Promise<void>
}
