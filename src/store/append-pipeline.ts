import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Logger } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'
import type { Durability } from './durability.ts'
import type { IndexService } from './index-service.ts'
import type { MessageDraft } from './message-draft.ts'
import { type AppendOutcome, type AppendWaiter, PendingAppends } from './pending-appends.ts'

/** Bytes appended and not written above which new messages are refused as busy. */
const UNWRITTEN_BYTES_MAX = 64 * 1024 * 1024

/**
 * From a message to its acknowledgement: append into the turn's batch, one write at the end of the turn, the mode's rule
 * (`Durability`), then dispatch into queue and index, the word to those who wait for messages, and the answer. In this
 * order, so that nobody reads or is told what the mode could still lose.
 */
export class AppendPipeline {
  /** Why no message is taken now; undefined while they are. Set by the store. */
  refusal: string | undefined
  /** Whether the log could not be taken back after a failed write: only a restart recovers it. */
  isBroken = false
  /** End of what is dispatched, and may be read. */
  confirmedEnd = 0
  /** Store time of the last dispatched record. */
  confirmedMs = 0
  /** Where it begins; -1 when there is none. */
  confirmedRecordAt = -1
  readonly #log: CommitLog
  readonly #queues: ConsumeQueueTable
  readonly #index: IndexService | undefined
  readonly #clock: Clock
  readonly #turn: Turn
  readonly #logger: Logger
  readonly #appendsCrc: boolean
  readonly #syncWriteBytesMax: number
  readonly #onArrival: (queue: ConsumeQueue) => void
  readonly #onWriteFailed: (error: unknown) => void
  readonly #pending = new PendingAppends()
  readonly #touched: ConsumeQueue[] = []
  #durability: Durability | undefined
  #isScheduled = false
  /** Records that begin below belong to a batch that was let in as a whole. */
  #reservedEnd = 0
  #isTakingBack = false
  /** Below, all that does not wait for the device is answered. */
  #answeredEnd = 0
  #storeMs = 0
  #onIdle: (() => void) | undefined

  constructor(parts: {
    log: CommitLog
    queues: ConsumeQueueTable
    index: IndexService | undefined
    clock: Clock
    turn: Turn
    logger: Logger
    appendsCrc: boolean
    syncWriteBytesMax: number
    onArrival: (queue: ConsumeQueue) => void
    onWriteFailed: (error: unknown) => void
  }) {
    this.#log = parts.log
    this.#queues = parts.queues
    this.#index = parts.index
    this.#clock = parts.clock
    this.#turn = parts.turn
    this.#logger = parts.logger
    this.#appendsCrc = parts.appendsCrc
    this.#syncWriteBytesMax = parts.syncWriteBytesMax
    this.#onArrival = parts.onArrival
    this.#onWriteFailed = parts.onWriteFailed
  }

  /** Begins where recovery ended. */
  open(durability: Durability): void {
    this.#durability = durability
    this.#storeMs = this.confirmedMs
    this.#answeredEnd = this.confirmedEnd
  }

  /** Messages appended and not yet answered for. */
  get pendingCount(): number {
    return this.#pending.count
  }

  /**
   * Appends a message to the turn's batch; `waiter` hears of it later, in this turn at the earliest.
   * @returns its offset in the log; its offset in the queue is in the draft
   * @throws MqError notWritable, busy, messageIllegal, topicNotExist when the queue was deleted
   */
  append(draft: MessageDraft, waiter: AppendWaiter | undefined, token: number): number {
    if (this.#log.end >= this.#reservedEnd) this.#checkWritable()
    const queue = draft.queue as ConsumeQueue
    if (queue.isDeleted) throw new MqError('topicNotExist', `topic ${queue.topic} has just been deleted`)
    const { isQueued, keys } = draft
    draft.queueId = queue.queueId
    draft.queueOffset = isQueued ? queue.nextOffset : 0
    draft.storeTimestampMs = this.nextStoreMs
    draft.hasCrc = this.#appendsCrc
    const physicalOffset = this.#appendToLog(draft)
    if (isQueued) queue.nextOffset++
    const pending = this.#pending
    pending.reserve(keys.count)
    const index = pending.tail++
    pending.ends[index] = this.#log.end
    pending.bytes[index] = this.#log.end - physicalOffset
    pending.queues[index] = isQueued ? queue : undefined
    pending.queueIds[index] = queue.queueId
    pending.queueOffsets[index] = draft.queueOffset
    pending.tagsCodes[index] = draft.tagsCode
    pending.storedMs[index] = draft.storeTimestampMs
    pending.waiters[index] = waiter
    pending.tokens[index] = token
    pending.unawaited[index] = draft.waitsForDisk ? 0 : 1
    pending.keysAt[index] = pending.keysEnd
    for (let i = 0; i < keys.count; i++) pending.keys[pending.keysEnd++] = keys.hashes[i] as number
    return physicalOffset
  }

  /** Store time of a message that is appended now. */
  get nextStoreMs(): number {
    return this.#isScheduled ? this.#storeMs : this.#beginTurn()
  }

  /** Lets this turn's store time be that of the clock: a turn may take long, and a delay counts from the store time. */
  renewStoreTime(): void {
    this.#storeMs = Math.max(this.nextStoreMs, this.#clock.nowMs())
  }

  /** Makes sure that the next `bytes` bytes of records go into one file: a batch is stored whole or not at all. */
  reserve(bytes: number): void {
    this.#checkWritable()
    if (!this.#isScheduled) this.#beginTurn()
    try {
      this.#reservedEnd = this.#log.reserve(bytes) + bytes
    } catch (error) {
      throw asRefusal(error)
    }
  }

  /** Writes what was appended, unless a write is under way, which goes on with it. */
  readonly commit = (): void => {
    this.#isScheduled = false
    if (this.#log.isWriting || this.#log.unwrittenBytes === 0) return
    if (this.#log.unwrittenBytes > this.#syncWriteBytesMax) {
      void this.#commitOffLoop()
      return
    }
    try {
      this.#log.writeSync()
    } catch (error) {
      this.#takeBack(error)
      return
    }
    this.#written()
  }

  /** The rule holds below this position: dispatches, tells and answers. */
  confirm(position: number): void {
    const pending = this.#pending
    while (pending.head < pending.tail && (pending.ends[pending.head] as number) <= position) {
      this.#dispatchHead()
      pending.shift()
    }
    if (position > this.confirmedEnd) this.confirmedEnd = position
    for (const queue of this.#touched) {
      queue.isTouched = false
      if (queue.isAwaited) this.#onArrival(queue)
    }
    this.#touched.length = 0
    this.#tellIdle()
  }

  /** Answers all below this position that still wait: the device has not confirmed them. They stay in line for dispatch. */
  answerUnconfirmed(position: number): void {
    const pending = this.#pending
    for (let index = pending.head; index < pending.tail; index++) {
      if ((pending.ends[index] as number) <= position) this.#answer(index, 'flushTimeout')
    }
  }

  /** Writes what was taken and waits until all of it is dispatched; the caller has stopped the intake by `refusal`. */
  async drain(): Promise<void> {
    this.commit()
    if (this.#isIdle()) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #isIdle(): boolean {
    return this.#pending.count === 0 && !this.#log.isWriting
  }

  #tellIdle(): void {
    if (this.#isIdle()) this.#onIdle?.()
  }

  #appendToLog(draft: MessageDraft): number {
    try {
      return this.#log.append(draft)
    } catch (error) {
      throw asRefusal(error)
    }
  }

  #checkWritable(): void {
    if (this.refusal !== undefined) throw new MqError('notWritable', this.refusal)
    if (this.#isTakingBack) throw new MqError('notWritable', 'the log has just failed to be written')
    if (this.#log.unwrittenBytes > UNWRITTEN_BYTES_MAX) {
      throw new MqError('busy', `the disk is behind by ${this.#log.unwrittenBytes} bytes`)
    }
  }

  /** Store times never fall, whatever the wall clock does: searches by time rely on it. */
  #beginTurn(): number {
    this.#isScheduled = true
    this.#turn.atWork(this.commit)
    this.#storeMs = Math.max(this.#storeMs, this.#clock.nowMs())
    return this.#storeMs
  }

  async #commitOffLoop(): Promise<void> {
    try {
      await this.#log.write()
    } catch (error) {
      this.#takeBack(error)
      return
    }
    this.#written()
    this.commit()
  }

  #written(): void {
    const durability = this.#durability as Durability
    if (durability.mayAnswerWritten) this.#answerWritten()
    durability.written(this.#log.writtenEnd)
  }

  /** Answers the written messages that do not wait for the disk. */
  #answerWritten(): void {
    const pending = this.#pending
    const { writtenEnd } = this.#log
    let first = pending.tail
    while (first > pending.head && (pending.ends[first - 1] as number) > this.#answeredEnd) first--
    for (let index = first; index < pending.tail && (pending.ends[index] as number) <= writtenEnd; index++) {
      if (pending.unawaited[index] === 1) this.#answer(index, 'stored')
    }
    this.#answeredEnd = writtenEnd
  }

  #dispatchHead(): void {
    const pending = this.#pending
    const index = pending.head
    const queue = pending.queues[index]
    const bytes = pending.bytes[index] as number
    const physicalOffset = (pending.ends[index] as number) - bytes
    const storedMs = pending.storedMs[index] as number
    if (queue && !queue.isDeleted) {
      queue.append(
        pending.queueOffsets[index] as number,
        physicalOffset,
        bytes,
        pending.tagsCodes[index] as number,
      )
      queue.lastStoreTimestampMs = storedMs
      if (!queue.isTouched) {
        queue.isTouched = true
        this.#touched.push(queue)
        this.#queues.markDirty(queue)
      }
    }
    if (this.#index) {
      const keysAt = pending.keysAt[index] as number
      this.#index.put(pending.keys, keysAt, pending.keysEndAt(index) - keysAt, physicalOffset, storedMs)
    }
    this.confirmedMs = storedMs
    this.confirmedRecordAt = physicalOffset
    this.#answer(index, 'stored')
  }

  #answer(index: number, outcome: AppendOutcome): void {
    const pending = this.#pending
    const waiter = pending.waiters[index]
    if (!waiter) return
    pending.waiters[index] = undefined
    const physicalOffset = (pending.ends[index] as number) - (pending.bytes[index] as number)
    const queueOffset = pending.queueOffsets[index] as number
    waiter.appended(
      outcome,
      pending.tokens[index] as number,
      pending.queueIds[index] as number,
      queueOffset,
      physicalOffset,
    )
  }

  /** Takes back all that could not be written, and says so to those who wait: they may not append in answer to it. */
  #takeBack(error: unknown): void {
    const { writtenEnd, unwrittenBytes } = this.#log
    this.#logger.error(
      { error: messageOf(error), bytes: unwrittenBytes },
      'messages refused: the log cannot be written',
    )
    this.#isTakingBack = true
    try {
      this.#log.rollBack()
    } catch (cause) {
      this.isBroken = true
      this.refusal = `the log could not be taken back to ${writtenEnd}: ${messageOf(cause)}; restart to recover it`
      this.#logger.error({ error: messageOf(cause) }, this.refusal)
    }
    this.#onWriteFailed(error)
    const pending = this.#pending
    let first = pending.tail
    while (first > pending.head && (pending.ends[first - 1] as number) > writtenEnd) first--
    for (let index = first; index < pending.tail; index++) {
      const queue = pending.queues[index]
      if (queue && !queue.isDeleted) queue.nextOffset--
      this.#answer(index, 'notWritable')
    }
    while (pending.tail > first) pending.pop()
    this.#isTakingBack = false
    this.#tellIdle()
  }
}

function asRefusal(error: unknown): unknown {
  if (error instanceof MqError) return error
  return new MqError('notWritable', `the log cannot grow: ${messageOf(error)}`, { cause: error })
}
