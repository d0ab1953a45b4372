import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Logger, Timer } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { ConsumeQueue } from '../../store/consume-queue.ts'
import type { TopicQueues } from '../../store/consume-queue-table.ts'
import { MessageDraft } from '../../store/message-draft.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import type { Ending } from './transaction-table.ts'

/** What became of the half messages that an op message lists. */
export type OpKind = Ending | 'COPIED'

/** What an op message says so with: the flag of its record, which RocketMQ leaves 0 and does not read. */
const opFlags: Readonly<Record<OpKind, number>> = { COPIED: 4, COMMITTED: 8, ROLLED_BACK: 12, PARKED: 16 }

/** Longest time that an op waits for others (RocketMQ's transactionOpBatchInterval). */
const BATCH_INTERVAL_MS = 3000

/** Ops that are written without waiting for more; as text below RocketMQ's transactionOpMsgMaxSize of 4096 bytes. */
const OPS_PER_MESSAGE = 256

const PROPERTIES = Buffer.from('WAIT\u0001true\u0002TAGS\u0001d\u0002')

interface Op {
  /** Of the half message. */
  readonly queueOffset: number
  /** Where the log has what ended the transaction; undefined where it is the op itself. */
  readonly logOffset: number | undefined
  readonly done: ((isStored: boolean) => void) | undefined
}

interface OpMessage {
  readonly kind: OpKind
  readonly ops: readonly Op[]
}

/** What an op message says. @returns undefined for one of RocketMQ's, which does not say how the transactions ended */
export function opKindOf(flag: number): OpKind | undefined {
  for (const [kind, of] of Object.entries(opFlags)) if (of === flag) return kind as OpKind
  return undefined
}

/** The half messages that an op message lists, by offset in their queue: `0,1,`; RocketMQ before 5 wrote one, without the comma. */
export function listedOffsets(body: string): number[] {
  return body.split(',').flatMap((part) => (/^\d{1,16}$/.test(part) ? [Number(part)] : []))
}

/**
 * Says in the op topic which half messages are done with, many in one message (protocol/semantics.md §10). What has its own record in
 * the log waits for others, a rollback, whose only record is the op, is written in the turn in which it was asked for.
 */
export class OpQueue implements AppendWaiter {
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #turn: Turn
  readonly #log: Logger
  readonly #storeHost: Buffer
  readonly #topic: TopicQueues
  readonly #draft = new MessageDraft()
  readonly #properties = new PropertyScan()
  readonly #waiting = new Map<OpKind, Op[]>()
  readonly #inFlight = new Map<number, OpMessage>()
  /** Messages that list half messages not passed over yet: their place, and the highest offset that each lists. */
  readonly #messages: { readonly offset: number; readonly lastHalf: number }[] = []
  #lastToken = 0
  /** What is written at the end of this turn. */
  readonly #due = new Set<OpKind>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: { store: MessageStore; clock: Clock; turn: Turn; log: Logger; storeHost: Buffer }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#turn = parts.turn
    this.#log = parts.log
    this.#storeHost = parts.storeHost
    this.#topic = parts.store.topic(SystemTopic.TRANS_OP_HALF)
  }

  /** The queue of op messages. */
  get queue(): ConsumeQueue {
    return this.#store.queues.queue(this.#topic, 0)
  }

  /** The oldest place in the log of what ended a transaction without an op that says so. */
  get oldestUnsaid(): number | undefined {
    let oldest: number | undefined
    const waiting = [...this.#waiting.values()].flat()
    for (const { logOffset } of [...waiting, ...[...this.#inFlight.values()].flatMap(({ ops }) => ops)])
      if (logOffset !== undefined && logOffset < (oldest ?? Number.POSITIVE_INFINITY)) oldest = logOffset
    return oldest
  }

  /** Says it with others, soon. @param logOffset where the log has what ended the transaction, if anything has */
  add(kind: OpKind, queueOffset: number, logOffset?: number): void {
    if (this.#putLater(kind, { queueOffset, logOffset, done: undefined }) >= OPS_PER_MESSAGE)
      this.#flushSoon(kind)
  }

  /** Says it in this turn. @param done hears whether the log has it */
  addNow(kind: OpKind, queueOffset: number, done: (isStored: boolean) => void): void {
    this.#put(kind, { queueOffset, logOffset: undefined, done })
    this.#flushSoon(kind)
  }

  /** Writes all that waits. */
  readonly flush = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const kind of [...this.#waiting.keys()]) this.#flush(kind)
  }

  /** What the log has not taken by now is found again by the next start. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  appended(outcome: AppendOutcome, token: number, _queueId: number, offset: number): void {
    const message = this.#inFlight.get(token)
    if (!message) return
    this.#inFlight.delete(token)
    if (outcome === 'notWritable') {
      this.#failed(message)
      return
    }
    this.found(offset, message.ops)
    for (const { done } of message.ops) done?.(true)
  }

  /** The op queue has a message that lists these. */
  found(offset: number, ops: readonly { readonly queueOffset: number }[]): void {
    const lastHalf = ops.reduce((last, { queueOffset }) => Math.max(last, queueOffset), 0)
    this.#messages.push({ offset, lastHalf })
  }

  /** Forgets the messages that list only half messages below this offset. @returns the oldest that a start must read */
  passed(halfOffset: number): number {
    const kept = this.#messages.findIndex(({ lastHalf }) => lastHalf >= halfOffset)
    this.#messages.splice(0, kept < 0 ? this.#messages.length : kept)
    return this.#messages[0]?.offset ?? this.queue.maxOffset
  }

  #put(kind: OpKind, op: Op): number {
    const ops = this.#waiting.get(kind) ?? []
    this.#waiting.set(kind, ops)
    return ops.push(op)
  }

  #putLater(kind: OpKind, op: Op): number {
    if (!this.#isStopped) this.#timer ??= this.#clock.after(BATCH_INTERVAL_MS, this.flush)
    return this.#put(kind, op)
  }

  #flushSoon(kind: OpKind): void {
    if (this.#due.size === 0) this.#turn.atWork(this.#flushDue)
    this.#due.add(kind)
  }

  readonly #flushDue = (): void => {
    const due = [...this.#due]
    this.#due.clear()
    for (const kind of due) this.#flush(kind)
  }

  #flush(kind: OpKind): void {
    const ops = this.#waiting.get(kind) ?? []
    this.#waiting.delete(kind)
    for (let at = 0; at < ops.length; at += OPS_PER_MESSAGE)
      this.#append({ kind, ops: ops.slice(at, at + OPS_PER_MESSAGE) })
  }

  #append(message: OpMessage): void {
    const { kind, ops } = message
    const draft = this.#draft
    draft.queue = this.queue
    draft.topic = this.#topic.topicBytes
    draft.flag = opFlags[kind]
    draft.bornTimestampMs = this.#clock.nowMs()
    draft.bornHost = this.#storeHost
    draft.storeHost = this.#storeHost
    draft.body = Buffer.from(`${ops.map(({ queueOffset }) => queueOffset).join(',')},`)
    draft.bodyEnd = draft.body.length
    draft.properties = PROPERTIES
    draft.propertiesEnd = PROPERTIES.length
    this.#properties.read(PROPERTIES, 0, PROPERTIES.length)
    draft.tagsCode = this.#store.tagsCode.of(SystemTopic.TRANS_OP_HALF, this.#properties, 0)
    const token = ++this.#lastToken
    this.#inFlight.set(token, message)
    try {
      this.#store.append(draft, this, token)
    } catch (error) {
      this.#inFlight.delete(token)
      this.#failed(message)
      if (!(error instanceof MqError)) throw error
      this.#log.warn({ error: messageOf(error) }, 'ops of transactions wait: they are tried again')
    }
  }

  /** What has its own record is said later; for a rollback there is nothing yet, and it is over. */
  #failed({ kind, ops }: OpMessage): void {
    for (const op of ops) {
      if (op.done) op.done(false)
      else this.#putLater(kind, op)
    }
  }
}
