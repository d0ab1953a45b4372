import type { Topic } from './topic-table.ts'

/** A message as a door hands it in: parts are ranges of its own buffers. Filled again for every message. */
export class IncomingMessage {
  topic: Topic | undefined
  /** Negative: the broker chooses. */
  queueId = 0
  sysFlag = 0
  flag = 0
  bornTimestampMs = 0
  /** 4 or 16 bytes of address and 4 of port. */
  bornHost: Buffer = Buffer.alloc(8)
  reconsumeTimes = 0
  /** Of messages for a retry topic: tries after which it goes to the dead letters; undefined: as the group's settings say. */
  reconsumeTimesMax: number | undefined
  /** Whether this ends a transaction: the message was sent before, and has been committed. */
  isCommitted = false
  /** Where the log has the message that is committed. */
  preparedTransactionOffset = 0
  body: Buffer = Buffer.alloc(0)
  bodyAt = 0
  bodyEnd = 0

  get topicName(): string {
    return this.topic?.name ?? ''
  }
}
