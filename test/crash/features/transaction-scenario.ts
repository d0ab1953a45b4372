import { setTimeout as pause } from 'node:timers/promises'
import {
  type Client,
  connect,
  type ReceivedMessage,
  type TransactionOutcome,
  type TransactionProducer,
} from '#ternmq/client/index.ts'
import { SystemTopic } from '#ternmq/protocol/names.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import type { OnceLog } from './once-log.ts'
import { OnceTopic } from './once-topic.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-transaction', queueCount: 2 }
const PARKED = { topic: SystemTopic.TRANS_CHECK_MAX_TIME, queueCount: 1 }
const GROUP = 'crash-transaction'

/** A group whose clients die with their transactions open; a later one is asked. */
const GONE_GROUP = 'crash-gone'

/** How a transaction goes, by its number. */
type Story = 'commit' | 'rollback' | 'checkedCommit' | 'checkedRollback' | 'neverKnown' | 'gone'

/** Of a producer that lives; some happen more often. */
const stories: readonly Story[] = [
  'commit',
  'commit',
  'rollback',
  'checkedCommit',
  'checkedRollback',
  'neverKnown',
]

const WORKERS = 3

/**
 * Transactions that are committed, rolled back, left to be asked about, never known, or left behind by a producer that is gone. Each
 * committed message has one record; one that is never known is parked once, as is one whose producers are always gone when they are asked.
 */
export class TransactionScenario implements FeatureScenario {
  readonly tallies = [new FeatureTally('transactions'), new FeatureTally('parked transactions')] as const
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #producer: TransactionProducer
  readonly #records: OnceTopic
  readonly #parked: OnceTopic
  readonly #stories: Story[] = []
  #successor: { readonly client: Client; readonly producer: TransactionProducer } | undefined
  #next = 0

  constructor(desk: FeatureDesk) {
    this.#desk = desk
    this.#producer = desk.client.transactionProducer({ group: GROUP, retries: 0, check: this.#check })
    this.#records = new OnceTopic(desk, this.tallies[0], QUEUES)
    this.#parked = new OnceTopic(desk, this.tallies[1], PARKED)
  }

  send(round: Round): Promise<void>[] {
    const workers = Array.from({ length: WORKERS }, () => round.repeat(() => this.#sendOne(), 5))
    return [...workers, round.repeat(() => this.#leaveBehind(), 20)]
  }

  consume(round: Round): Promise<void>[] {
    const parked = this.#parked.consume(round, ({ text }) => {
      // all who were asked were gone before they had answered: nothing but that is owed
      if (this.#stories[Number(text)] === 'gone') this.#log.owe(Number(text), 'none')
    })
    return [...this.#records.consume(round), ...parked]
  }

  get isSettled(): boolean {
    return this.#log.isSettled && this.#parked.log.isSettled
  }

  /** There is somebody again who can be asked about what was left behind. */
  async lastRound(): Promise<void> {
    if (!this.#successor) {
      const client = await connect({ namesrv: this.#desk.namesrv })
      const producer = client.transactionProducer({ group: GONE_GROUP, check: this.#check })
      this.#successor = { client, producer }
    }
    const { producer } = this.#successor
    await producer.send({ topic: QUEUES.topic, body: String(this.#begin('rollback')) }, () => 'rollback')
  }

  async check(): Promise<void> {
    await this.#records.check()
    await this.#parked.check()
  }

  async close(): Promise<void> {
    await this.#producer.close()
    await this.#successor?.client.close()
  }

  get #log(): OnceLog {
    return this.#records.log
  }

  async #sendOne(): Promise<void> {
    const story = stories[this.#desk.pick(0, stories.length)] ?? 'commit'
    const number = this.#begin(story)
    const { status } = await this.#producer.send({ topic: QUEUES.topic, body: String(number) }, () => {
      this.#taken(number, story)
      if (story === 'commit') return this.#commit(number)
      return story === 'rollback' ? 'rollback' : 'unknown'
    })
    // the client takes it back by itself then
    if (status !== 'SEND_OK') this.#log.owe(number, 'either')
  }

  /** A producer that answers for those before it, sends, and is gone before it has said how its transactions end. */
  async #leaveBehind(): Promise<void> {
    const client = await connect({ namesrv: this.#desk.namesrv })
    try {
      const producer = client.transactionProducer({ group: GONE_GROUP, retries: 0, check: this.#check })
      for (let left = 3; left > 0; left--) {
        const number = this.#begin('gone')
        await new Promise<void>((resolve, reject) => {
          const never = (): Promise<TransactionOutcome> => {
            this.#taken(number, 'gone')
            resolve()
            return new Promise(() => undefined)
          }
          producer.send({ topic: QUEUES.topic, body: String(number) }, never).catch(reject)
        })
      }
      await pause(this.#desk.pick(0, 300))
    } finally {
      await client.close()
    }
  }

  #begin(story: Story): number {
    const number = this.#next++
    this.#stories[number] = story
    this.#log.tried(number, Number.POSITIVE_INFINITY)
    if (story === 'rollback' || story === 'checkedRollback' || story === 'neverKnown')
      this.#log.owe(number, 'none')
    if (story === 'neverKnown' || story === 'gone') this.#parked.log.tried(number, 0)
    return number
  }

  /** The broker has the half message. */
  #taken(number: number, story: Story): void {
    const [tally, parkedTally] = this.tallies
    tally.acked++
    if (story === 'commit' || story === 'checkedCommit' || story === 'gone') this.#log.owe(number, 'one')
    if (story !== 'neverKnown') return
    parkedTally.acked++
    this.#parked.log.owe(number, 'one')
  }

  readonly #check = (message: ReceivedMessage): TransactionOutcome => {
    const number = Number(message.text)
    switch (this.#stories[number]) {
      case 'commit':
      case 'checkedCommit':
      case 'gone':
        return this.#commit(number)
      case 'rollback':
      case 'checkedRollback':
        return 'rollback'
      default:
        return 'unknown'
    }
  }

  /** From now on the message may be seen, and not before. */
  #commit(number: number): TransactionOutcome {
    this.#log.allow(number, Date.now())
    return 'commit'
  }
}
