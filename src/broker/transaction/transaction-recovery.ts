import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { PropertyScan } from '../../protocol/property-scan.ts'
import type { RecordScan } from '../../protocol/record-scan.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'
import type { ConsumeQueue } from '../../store/consume-queue.ts'
import { LogWalk } from '../../store/log-walk.ts'
import type { MessageStore } from '../../store/message-store.ts'
import { type HalfMessage, halfMessageOf, originOf, unmarkedCopyOf } from './half-message.ts'
import type { HalfMessages } from './half-messages.ts'
import { listedOffsets, type OpQueue, opKindOf } from './op-queue.ts'
import type { Ending, TransactionTable } from './transaction-table.ts'

/** What a transaction is known by. */
interface Name {
  origin: number
}

/**
 * Reads from the log, at a start, which transactions have not ended and how the last ones did: the half messages not passed over yet,
 * less those that op messages list, less those that the log shows to have ended without an op, because the broker died in between.
 */
export class TransactionRecovery {
  readonly #store: MessageStore
  readonly #halves: HalfMessages
  readonly #table: TransactionTable
  readonly #ops: OpQueue
  /** Transactions by the offsets of their half messages in the queue. */
  readonly #names = new Map<number, Name>()
  /** Those of RocketMQ by their unique keys. */
  readonly #namesByKey = new Map<string, Name>()
  readonly #properties = new PropertyScan()
  #queue: ConsumeQueue | undefined

  constructor(parts: { store: MessageStore; halves: HalfMessages; table: TransactionTable; ops: OpQueue }) {
    this.#store = parts.store
    this.#halves = parts.halves
    this.#table = parts.table
    this.#ops = parts.ops
  }

  /** Takes all half messages from this offset on for prepared. @returns the offset behind the last */
  readHalves(queue: ConsumeQueue, from: number): number {
    this.#queue = queue
    for (let offset = Math.max(from, queue.minOffset); offset < queue.maxOffset; offset++) {
      const entry = queue.entrySync(offset)
      const record = entry && this.#halves.recordAt(entry.physicalOffset)
      const half = record && halfMessageOf(record)
      if (!half) continue
      this.#names.set(offset, this.#nameOf(half, record))
      const copied = this.#table.prepared(half)
      if (copied) this.#ops.add('COPIED', copied.queueOffset)
    }
    return queue.maxOffset
  }

  /** RocketMQ's copies are told by their keys; the newest gives the transaction its name. */
  #nameOf(half: HalfMessage, record: RecordScan): Name {
    const copy = unmarkedCopyOf(record)
    if (!copy) return { origin: half.origin }
    const known = half.checks > 0 ? this.#namesByKey.get(copy.uniqueKey) : undefined
    const name = known ?? { origin: half.origin }
    this.#namesByKey.set(copy.uniqueKey, name)
    if (copy.firstQueueOffset !== undefined) this.#names.set(copy.firstQueueOffset, name)
    if (name.origin !== half.origin) {
      const older = this.#table.renamed(name.origin)
      if (older) this.#ops.add('COPIED', older.queueOffset)
      name.origin = half.origin
    }
    return name
  }

  /** Takes those for ended that the op messages from this offset on list. */
  readOps(from: number): void {
    const { queue } = this.#ops
    for (let offset = Math.max(from, queue.minOffset); offset < queue.maxOffset; offset++) {
      const entry = queue.entrySync(offset)
      const op = entry && this.#halves.recordAt(entry.physicalOffset)
      if (!op) continue
      const listed = listedOffsets(op.buffer.toString('latin1', op.bodyAt, op.bodyEnd))
      this.#ops.found(
        offset,
        listed.map((queueOffset) => ({ queueOffset })),
      )
      const kind = opKindOf(op.flag)
      // how a transaction ended that RocketMQ lists is not known: it was committed or rolled back, and is not taken up again
      if (kind !== 'COPIED') for (const half of listed) this.#listed(half, kind ?? 'ROLLED_BACK')
    }
  }

  /** Takes those for ended that the log shows to be, from this offset on, and says so in the op topic. */
  readLog(from: number): void {
    const { log, confirmedEnd } = this.#store
    const oldest = this.#table
      .halves()
      .reduce((min, half) => Math.min(min, half.physicalOffset), confirmedEnd)
    const walk = new LogWalk(log.files, Math.max(from, oldest, log.files.firstOffset))
    while (this.#table.count > 0 && walk.end < confirmedEnd && walk.next()) {
      const { record } = walk
      if (record.topic === SystemTopic.TRANS_CHECK_MAX_TIME) this.#shown(originOf(record), 'PARKED', record)
      else if ((record.sysFlag & MessageSysFlag.TRANSACTION_MASK) === MessageSysFlag.TRANSACTION_COMMIT)
        this.#shown(this.#originOfCommitted(record), 'COMMITTED', record)
    }
  }

  #listed(queueOffset: number, ending: Ending): void {
    // one that was passed over may be known by a copy that was not
    const origin = this.#names.get(queueOffset)?.origin ?? this.#originAt(queueOffset)
    if (origin !== undefined) this.#table.ended(origin, ending)
  }

  #originAt(queueOffset: number): number | undefined {
    const entry = this.#queue?.entrySync(queueOffset)
    return entry && this.#halves.at(entry.physicalOffset)?.origin
  }

  #shown(origin: number | undefined, ending: Ending, { physicalOffset }: RecordScan): void {
    if (origin === undefined || !this.#table.find(origin)) return
    const half = this.#table.ended(origin, ending)
    if (half) this.#ops.add(ending, half.queueOffset, physicalOffset)
  }

  /** The transaction that a committed message ends; undefined when it is a message that only looks like one. */
  #originOfCommitted(record: RecordScan): number | undefined {
    const key = this.#uniqueKeyOf(record)
    const half = this.#halves.at(record.preparedTransactionOffset)
    const halfRecord = half && this.#halves.recordAt(half.physicalOffset)
    return halfRecord && this.#uniqueKeyOf(halfRecord) === key ? half.origin : undefined
  }

  #uniqueKeyOf(record: RecordScan): string | undefined {
    this.#properties.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    return this.#properties.optionalText(PropertyName.UNIQ_KEY)
  }
}
