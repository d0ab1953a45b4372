import { RecordDraft } from '../protocol/record-draft.ts'
import type { ConsumeQueue } from './consume-queue.ts'
import { IndexKeys } from './index-keys.ts'

/** Bits of sysFlag that say what part of a transaction a message is. */
const TRANSACTION_BITS = 0xc
const [TRANSACTION_NONE, TRANSACTION_COMMIT] = [0, 8]

/** A record about to be appended, with what dispatch will need of it: filled by a door or a feature, used again for the next. */
export class MessageDraft extends RecordDraft {
  /** Where the message goes; its id is put into the record. */
  queue: ConsumeQueue | undefined
  /** Hash of the tag, 0 without one; for scheduled messages the time they are due. */
  tagsCode = 0
  /** Of the topic: see `topicKeyHash`. */
  keyHash = 0
  readonly keys = new IndexKeys()
  /** Under SYNC_FLUSH: whether the answer waits for the disk (property WAIT is not "false"). */
  waitsForDisk = true

  /** Whether the record gets an entry in its queue: prepared and rolled back parts of transactions do not. */
  get isQueued(): boolean {
    const transaction = this.sysFlag & TRANSACTION_BITS
    return transaction === TRANSACTION_NONE || transaction === TRANSACTION_COMMIT
  }
}
