import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Logger } from '../../base/host.ts'
import { decodeMessage, type MessageExt } from '../../protocol/message-codec.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { ClientRegistry } from '../client-registry.ts'
import type { MessageCopier } from '../message-copier.ts'
import type { TopicTable } from '../topic-table.ts'
import { WorkSlices } from '../work-slices.ts'
import { type HalfMessage, originMark } from './half-message.ts'
import type { HalfMessages } from './half-messages.ts'
import type { CheckDecision, TransactionTable } from './transaction-table.ts'

const HOUR_MS = 3_600_000

/** Questions in a row, after which producers get time to read them: a million open transactions do not flood their connections. */
const ASKED_IN_A_ROW = 64
const BREATH_MS = 10

/** A question to a producer: what has become of the transaction of this message? (CHECK_TRANSACTION_STATE) */
export interface TransactionCheck {
  /** The connection of a client of the message's group. */
  readonly connectionId: number
  /** The newest copy of the half message, with the topic and the queue that it is for; its body is good for this turn. */
  readonly message: MessageExt
}

/** Asks producers about transactions that have not ended, and gives up those that nobody ends (protocol/semantics.md §10). */
export class TransactionChecks {
  onCheck: (check: TransactionCheck) => void = () => undefined
  readonly #settings: BrokerSettings
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #topics: TopicTable
  readonly #clients: ClientRegistry
  readonly #copier: MessageCopier
  readonly #table: TransactionTable
  readonly #halves: HalfMessages
  readonly #onParked: (origin: number, physicalOffset: number) => void
  /** Counts the questions: the clients of a group are asked in turn. */
  #askedCount = 0
  #isRunning = false
  #isStopped = false

  constructor(parts: {
    settings: BrokerSettings
    store: MessageStore
    clock: Clock
    log: Logger
    topics: TopicTable
    clients: ClientRegistry
    copier: MessageCopier
    table: TransactionTable
    halves: HalfMessages
    onParked: (origin: number, physicalOffset: number) => void
  }) {
    this.#settings = parts.settings
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
    this.#topics = parts.topics
    this.#clients = parts.clients
    this.#copier = parts.copier
    this.#table = parts.table
    this.#halves = parts.halves
    this.#onParked = parts.onParked
  }

  /** Looks at all transactions that have not ended; one that cannot be dealt with does not hold up the others (R15, #9500). */
  async round(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    const slices = new WorkSlices(this.#clock)
    try {
      let askedCount = 0
      for (const half of this.#table.halves()) {
        if (this.#check(half.origin) === 'ask' && ++askedCount % ASKED_IN_A_ROW === 0) await this.#breathe()
        else if (slices.isDue()) await slices.pause()
        if (this.#isStopped) return
      }
    } finally {
      this.#isRunning = false
    }
  }

  /** Ends the round that is under way. */
  stop(): void {
    this.#isStopped = true
  }

  /** Asks a client of the group, now that the half queue has the copy which says so. */
  ask(half: HalfMessage): void {
    const client = this.#nextClient(half.group)
    const bytes = client && this.#store.recordAt(half.physicalOffset)
    if (!bytes) {
      this.#table.notAsked(half.origin)
      return
    }
    const copy = decodeMessage(bytes)
    const topic = copy.properties.get(PropertyName.REAL_TOPIC) ?? ''
    const queueId = Number(copy.properties.get(PropertyName.REAL_QID) ?? 0)
    const message = { ...copy, topic, queueId, preparedTransactionOffset: 0 }
    this.onCheck({ connectionId: client.connectionId, message })
  }

  /** See `Transactions.resume`. */
  resume(physicalOffset: number, done: (error: MqError | undefined) => void): void {
    const record = this.#halves.recordAt(physicalOffset)
    if (record?.topic !== SystemTopic.TRANS_CHECK_MAX_TIME)
      throw new MqError(
        'transactionRefused',
        `no parked message begins at offset ${physicalOffset} of the log`,
      )
    if (this.#table.find(physicalOffset) || this.#table.endingOf(physicalOffset))
      throw new MqError(
        'transactionRefused',
        `the message at offset ${physicalOffset} has been taken up again`,
      )
    const waiter = {
      appended: (outcome: AppendOutcome): void =>
        done(outcome === 'notWritable' ? new MqError('notWritable', 'the log cannot be written') : undefined),
    }
    this.#copyToHalfQueue(record, physicalOffset, 0, waiter)
  }

  #breathe(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(BREATH_MS, resolve)
    })
  }

  /** @returns what was decided, and done where it could be */
  #check(origin: number): CheckDecision {
    const { fileReservedHours } = this.#store.settings.retention
    const rules = {
      timeoutMs: this.#settings.transactionTimeOut,
      checksMax: this.#settings.transactionCheckMax,
      reservedMs: Math.max(fileReservedHours, 1) * HOUR_MS,
    }
    const decision = this.#table.check(origin, this.#clock.nowMs(), rules)
    const half = this.#table.find(origin)
    if (decision === 'leave' || !half) return 'leave'
    try {
      if (decision === 'park') this.#park(half)
      // a producer that is not here cannot be asked, and a check that was not sent does not count
      else if (this.#clients.producers(half.group).length === 0) return 'leave'
      else this.#copyToAsk(half)
    } catch (error) {
      this.#log.warn(
        { origin, decision, error: messageOf(error) },
        'a transaction is left for the next round',
      )
    }
    return decision
  }

  #copyToAsk({ checks, origin, physicalOffset }: HalfMessage): void {
    const record = this.#halves.recordAt(physicalOffset)
    if (!record) {
      this.#giveUp(origin)
      return
    }
    this.#copyToHalfQueue(record, origin, checks + 1, this.#copied)
    this.#table.copying(origin)
  }

  readonly #copied: AppendWaiter = {
    appended: (outcome, origin): void => {
      if (outcome === 'notWritable') this.#table.copyFailed(origin)
    },
  }

  #copyToHalfQueue(record: RecordScan, origin: number, checks: number, waiter: AppendWaiter): void {
    const set = new Map([
      [PropertyName.TRANSACTION_CHECK_TIMES as string, String(checks)],
      [PropertyName.WAIT, 'false'],
    ])
    const topic = this.#store.topic(SystemTopic.TRANS_HALF)
    const changes = { topic, queueId: 0, set, preparedTransactionOffset: originMark(origin), transaction: 0 }
    this.#copier.copy(record, changes, waiter, origin)
  }

  #park({ checks, origin, physicalOffset }: HalfMessage): void {
    const record = this.#halves.recordAt(physicalOffset)
    if (!record) {
      this.#giveUp(origin)
      return
    }
    const one = { readQueueNums: 1, writeQueueNums: 1 }
    const { queues } = this.#topics.ensure(SystemTopic.TRANS_CHECK_MAX_TIME, one)
    const changes = { topic: queues, queueId: 0, preparedTransactionOffset: originMark(origin) }
    if (this.#table.end(origin, 'PARKED') !== 'end') return
    try {
      this.#copier.copy(record, changes, this.#parked, origin)
    } catch (error) {
      this.#table.failed(origin)
      throw error
    }
    this.#log.warn({ origin, checks }, 'a transaction that nobody ends is parked: an admin may resume it')
  }

  readonly #parked: AppendWaiter = {
    appended: (outcome, origin, _queueId, _queueOffset, physicalOffset): void => {
      if (outcome === 'notWritable') this.#table.failed(origin)
      else this.#onParked(origin, physicalOffset)
    },
  }

  /** The log was cleaned before its time: there is nothing left to commit. */
  #giveUp(origin: number): void {
    this.#log.error(
      { origin },
      'a message of a transaction has gone from the log before the transaction ended',
    )
    this.#onParked(origin, origin)
  }

  #nextClient(group: string): { readonly connectionId: number } | undefined {
    const producers = this.#clients.producers(group)
    return producers[this.#askedCount++ % Math.max(producers.length, 1)]?.client
  }
}
