import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Logger, Timer } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import { prettyFastJson } from '../../protocol/fastjson-writer.ts'
import { JsonFields } from '../../protocol/json-fields.ts'
import { SystemGroup, SystemTopic } from '../../protocol/names.ts'
import type { ConsumeQueue } from '../../store/consume-queue.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import type { Arrivals } from '../arrivals.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { ClientRegistry } from '../client-registry.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { MessageCopier } from '../message-copier.ts'
import type { MessageSender } from '../message-sender.ts'
import type { MetadataTable } from '../metadata.ts'
import type { TopicTable } from '../topic-table.ts'
import type { HalfMessage } from './half-message.ts'
import { type EndRequest, HalfMessages } from './half-messages.ts'
import { OpQueue } from './op-queue.ts'
import { type TransactionCheck, TransactionChecks } from './transaction-checks.ts'
import { TransactionRecovery } from './transaction-recovery.ts'
import { type Ending, TransactionTable } from './transaction-table.ts'

/** Hears what has become of the wish to end a transaction. */
export type EndDone = (error: MqError | undefined) => void

/** Bytes of log after which a snapshot is due though no transaction has ended. */
const SNAPSHOT_BYTES = 16 * 1024 * 1024

/** What `Transactions` needs of its broker. */
export interface TransactionParts {
  readonly settings: BrokerSettings
  readonly store: MessageStore
  readonly clock: Clock
  readonly turn: Turn
  readonly log: Logger
  readonly arrivals: Arrivals
  readonly topics: TopicTable
  readonly offsets: ConsumerOffsets
  readonly clients: ClientRegistry
  readonly sender: MessageSender
  readonly copier: MessageCopier
}

/**
 * Messages that are sent in two steps (RocketMQ's TransactionalMessageService): prepared ones lie in the half topic, and go on to their own
 * topic when their producer commits them. A transaction ends with one record of the log: the committed message itself, or the op
 * message of its rollback; all that is known here follows from these. Producers that do not say how a transaction has ended are asked.
 *
 * As in RocketMQ the offsets of the group CID_RMQ_SYS_TRANS in the two topics say what needs no look any more.
 */
export class Transactions implements MetadataTable {
  readonly fileName = 'transactionOffset.json'
  readonly journalKind = 'x'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #parts: TransactionParts
  readonly #table = new TransactionTable()
  /** Transactions that ended since the start. */
  committedCount = 0
  rolledBackCount = 0
  readonly #halves: HalfMessages
  readonly #ops: OpQueue
  readonly #checks: TransactionChecks
  /** Those who wait for the end of a transaction, by its origin. */
  readonly #waiting = new Map<number, EndDone[]>()
  #queue: ConsumeQueue | undefined
  /** The message of the half queue that is read next. */
  #next = 0
  /** Below, every record that has ended a transaction has an op that says so; undefined when nobody has noted it. */
  #saidEnd: number | undefined
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: TransactionParts) {
    this.#parts = parts
    const { clock, log, sender, store, topics, turn } = parts
    this.#halves = new HalfMessages({ store, sender, topics })
    this.#ops = new OpQueue({ store, clock, turn, log, storeHost: sender.storeHost })
    this.#checks = new TransactionChecks({
      ...parts,
      ...{ table: this.#table, halves: this.#halves },
      onParked: (origin, physicalOffset) => this.#ended(origin, 'PARKED', physicalOffset),
    })
  }

  /** Hears of the transactions whose producers are to be asked. Set by the door. */
  set onCheck(onCheck: (check: TransactionCheck) => void) {
    this.#checks.onCheck = onCheck
  }

  /** Transactions that have not ended. */
  get count(): number {
    return this.#table.count
  }

  /** Reads from the log what has not ended, and begins to ask. The store, the offsets and the snapshot are open. */
  start(): void {
    const { arrivals, log, offsets, store } = this.#parts
    const queue = store.queues.queue(store.topic(SystemTopic.TRANS_HALF), 0)
    this.#queue = queue
    const [halfOffset, opOffset] = [SystemTopic.TRANS_HALF, SystemTopic.TRANS_OP_HALF].map(
      (topic) => offsets.find(SystemGroup.TRANS, topic)?.get(0) ?? 0,
    ) as [number, number]
    // a log that has lost its end, in a power failure, may have lost what the offsets and the snapshot go by
    const isCut = halfOffset > queue.maxOffset || (this.#saidEnd ?? 0) > store.confirmedEnd
    const recovery = new TransactionRecovery({
      store,
      halves: this.#halves,
      table: this.#table,
      ops: this.#ops,
    })
    this.#next = recovery.readHalves(queue, isCut ? 0 : halfOffset)
    recovery.readOps(isCut ? 0 : opOffset)
    recovery.readLog(isCut ? 0 : (this.#saidEnd ?? 0))
    this.#saidEnd = store.confirmedEnd
    if (this.#table.count > 0) log.info({ count: this.#table.count }, 'transactions that have not ended')
    // what the log has lost in a power failure is written again, with the same offsets
    this.#noteProgress()
    arrivals.follow(queue, this.#follow)
    this.#arm()
  }

  /** Stops asking, and says what can be said; the store still takes messages. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#checks.stop()
    this.#ops.flush()
    this.#ops.stop()
    this.#noteProgress()
  }

  /**
   * Ends a transaction as its producer says. A wish that comes twice is answered twice and carried out once.
   * @param done hears when the log has it, perhaps at once
   * @throws MqError transactionRefused, tooLate, topicNotExist, notWritable
   */
  end(request: EndRequest, done: EndDone): void {
    const { clock } = this.#parts
    const half = this.#halves.find(request, clock.nowMs())
    const { origin } = half
    const { ending } = request
    const decision = this.#table.end(origin, ending)
    switch (decision) {
      case 'repeat':
        done(undefined)
        return
      case 'wait':
        this.#waiting.get(origin)?.push(done)
        return
      case 'refuse':
        throw new MqError('transactionRefused', this.#endedText(half, ending))
      case 'end':
        this.#waiting.set(origin, [done])
        if (ending === 'COMMITTED') this.#commit(half)
        else this.#rollBack(origin)
    }
  }

  /**
   * Takes a parked message up again: its producer is asked as if it never had been (RESUME_CHECK_HALF_MESSAGE).
   * @param physicalOffset where the log has the parked message
   * @throws MqError transactionRefused, notWritable
   */
  resume(physicalOffset: number, done: EndDone): void {
    this.#checks.resume(physicalOffset, done)
  }

  load(content: Buffer): void {
    this.#saidEnd = JsonFields.ofBody(content, 'transaction offset').optionalInteger('logOffset')
  }

  replay(_text: string): void {
    // nothing is noted in the journal: the log says how transactions ended
  }

  encode(): Buffer {
    // before the start nothing is known beyond what the snapshot says
    if (this.#queue) this.#saidEnd = this.#ops.oldestUnsaid ?? this.#parts.store.confirmedEnd
    return Buffer.from(prettyFastJson(this.#saidEnd === undefined ? {} : { logOffset: this.#saidEnd }))
  }

  #commit({ origin, physicalOffset }: HalfMessage): void {
    try {
      this.#halves.commit(physicalOffset, this.#committed, origin)
    } catch (error) {
      this.#failed(origin)
      // who asked hears it from the error
      this.#waiting.delete(origin)
      throw error
    }
  }

  readonly #committed: AppendWaiter = {
    appended: (outcome: AppendOutcome, origin: number, _queueId, _queueOffset, physicalOffset): void => {
      if (outcome === 'notWritable') this.#answer(origin, this.#failed(origin))
      else this.#ended(origin, 'COMMITTED', physicalOffset)
    },
  }

  #rollBack(origin: number): void {
    const half = this.#table.find(origin) as HalfMessage
    this.#ops.addNow('ROLLED_BACK', half.queueOffset, (isStored) => {
      if (isStored) this.#ended(origin, 'ROLLED_BACK', undefined)
      else this.#answer(origin, this.#failed(origin))
    })
  }

  /** The log has what ends the transaction. @param logOffset where; undefined where it is the op itself */
  #ended(origin: number, ending: Ending, logOffset: number | undefined): void {
    const half = this.#table.ended(origin, ending)
    if (ending === 'COMMITTED') this.committedCount++
    else if (ending === 'ROLLED_BACK') this.rolledBackCount++
    if (half && logOffset !== undefined) this.#ops.add(ending, half.queueOffset, logOffset)
    this.onChange('')
    this.#answer(origin, undefined)
  }

  /** The transaction goes on as before. */
  #failed(origin: number): MqError {
    this.#table.failed(origin)
    return new MqError('notWritable', this.#parts.store.refusal ?? 'the log cannot be written')
  }

  #answer(origin: number, error: MqError | undefined): void {
    const waiting = this.#waiting.get(origin)
    this.#waiting.delete(origin)
    for (const done of waiting ?? []) done(error)
  }

  /** The half queue has more messages. */
  readonly #follow = (): void => {
    const queue = this.#queue as ConsumeQueue
    while (this.#next < queue.maxOffset) {
      const entry = queue.entrySync(this.#next++)
      const half = entry && this.#halves.at(entry.physicalOffset)
      if (!half) continue
      const isToAsk = this.#table.isToAsk(half.origin)
      const over = this.#table.prepared(half)
      if (over) this.#ops.add(this.#table.endingOf(over.origin) ?? 'COPIED', over.queueOffset)
      if (isToAsk) this.#checks.ask(half)
    }
  }

  #arm(): void {
    if (this.#isStopped) return
    this.#timer = this.#parts.clock.after(this.#parts.settings.transactionCheckInterval, () => {
      this.#checks.round().then(
        () => this.#roundEnded(),
        (error) => {
          this.#parts.log.error({ error: messageOf(error) }, 'a round of transaction checks has failed')
          this.#roundEnded()
        },
      )
    })
  }

  #roundEnded(): void {
    if (this.#isStopped) return
    this.#noteProgress()
    this.#arm()
  }

  #noteProgress(): void {
    const { offsets, store } = this.#parts
    const halfOffset = this.#table.oldest?.queueOffset ?? this.#next
    // a queue that nobody has used leaves no trace
    if (this.#next > 0) {
      offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_HALF).commit(0, halfOffset)
      offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_OP_HALF).commit(0, this.#ops.passed(halfOffset))
    }
    if (this.#table.count > 0 && store.confirmedEnd - (this.#saidEnd ?? 0) > SNAPSHOT_BYTES) this.onChange('')
  }

  #endedText({ origin }: HalfMessage, ending: Ending): string {
    const ended = this.#table.endingOf(origin)
    const state = ended ?? (this.#table.find(origin) ? 'about to end in another way' : 'no longer prepared')
    return `the transaction at offset ${origin} of the log is ${state}, and cannot be ${ending}`
  }
}
