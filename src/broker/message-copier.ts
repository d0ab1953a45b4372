import { PropertyName } from '../protocol/message-properties.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import type { RecordScan } from '../protocol/record-scan.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import type { TopicQueues } from '../store/consume-queue-table.ts'
import { MessageDraft } from '../store/message-draft.ts'
import type { MessageStore } from '../store/message-store.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import { StoredProperties } from './stored-properties.ts'

/** In what a copy differs from the record it is made of. */
export interface CopyChanges {
  readonly topic: TopicQueues
  readonly queueId: number
  /** Names of properties that the copy does not have. */
  readonly drop?: ReadonlySet<string>
  /** Properties that the copy has, whatever the record says of them. */
  readonly set?: ReadonlyMap<string, string>
  readonly reconsumeTimes?: number
  readonly preparedTransactionOffset?: number
  /** Bits of the transaction's state (`MessageSysFlag`). */
  readonly transaction?: number
}

const HOST_BITS = MessageSysFlag.BORN_HOST_V6 | MessageSysFlag.STORE_HOST_V6

/**
 * Stores messages again somewhere else: the flows of delay, retry, dead letters and transactions are copies from topic to topic.
 * Body, sender and time of sending stay; the rest as the flow says.
 */
export class MessageCopier {
  readonly #store: MessageStore
  readonly #storeHost: Buffer
  readonly #draft = new MessageDraft()
  readonly #properties = new StoredProperties([])
  readonly #scan = new PropertyScan()

  constructor(store: MessageStore, storeHost: Buffer) {
    this.#store = store
    this.#storeHost = storeHost
  }

  /**
   * Stores a copy.
   * @param waiter hears when it is stored; see `AppendWaiter`
   * @returns its offset in the log
   * @throws MqError notWritable, busy, messageIllegal
   */
  copy(record: RecordScan, changes: CopyChanges, waiter: AppendWaiter | undefined, token: number): number {
    this.#copyProperties(record, changes)
    const draft = this.#draft
    const { buffer } = record
    draft.queue = this.#store.queues.queue(changes.topic, changes.queueId)
    draft.topic = changes.topic.topicBytes
    const transaction = changes.transaction ?? record.sysFlag & MessageSysFlag.TRANSACTION_MASK
    draft.sysFlag = (record.sysFlag & ~(HOST_BITS | MessageSysFlag.TRANSACTION_MASK)) | transaction
    draft.flag = record.flag
    draft.bornTimestampMs = record.bornTimestampMs
    const bornHostBytes = (record.sysFlag & MessageSysFlag.BORN_HOST_V6) !== 0 ? 20 : 8
    draft.bornHost = buffer.subarray(record.bornHostAt, record.bornHostAt + bornHostBytes)
    draft.storeHost = this.#storeHost
    draft.reconsumeTimes = changes.reconsumeTimes ?? record.reconsumeTimes
    draft.preparedTransactionOffset = changes.preparedTransactionOffset ?? record.preparedTransactionOffset
    draft.body = buffer
    draft.bodyAt = record.bodyAt
    draft.bodyEnd = record.bodyEnd
    draft.properties = this.#properties.buffer
    draft.propertiesAt = 0
    draft.propertiesEnd = this.#properties.end
    this.#scan.read(this.#properties.buffer, 0, this.#properties.end)
    draft.tagsCode = this.#store.tagsCode.of(
      changes.topic.topic,
      this.#scan,
      this.#store.nextStoreTimestampMs,
    )
    draft.keys.collect(changes.topic.keyHash, this.#scan)
    draft.waitsForDisk = this.#scan.optionalText(PropertyName.WAIT)?.toLowerCase() !== 'false'
    return this.#store.append(draft, waiter, token)
  }

  #copyProperties(record: RecordScan, { drop, set }: CopyChanges): void {
    const scan = this.#scan
    const properties = this.#properties
    scan.read(record.buffer, record.propertiesAt, record.propertiesEnd)
    properties.begin()
    for (let index = 0; index < scan.count; index++) {
      const name = scan.name(index)
      // the CRC of the record, which the copy is not
      if (name === PropertyName.CRC32 || drop?.has(name) || set?.has(name)) continue
      properties.add(record.buffer, scan.pairAt(index), scan.valueEnd(index))
    }
    for (const [name, value] of set ?? []) properties.addPair(name, value)
    properties.separate()
  }
}
