import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import { refuseSend, type SendAnswerForm } from './send-answers.ts'

/** Most bytes of a message id, whose host may be IPv6, and of the comma behind it. */
const MESSAGE_ID_BYTES_MAX = 57

/** Longest unique key that is repeated. */
const UNIQUE_KEY_BYTES_MAX = 255

/** Answers one batch when its last message is stored: the ids of all, the queue offset of the first. */
export class BatchAnswer implements AppendWaiter {
  readonly #connection: RemotingConnection
  readonly #form: SendAnswerForm
  readonly #opaque: number
  readonly #uniqueKey: Buffer | undefined
  readonly #physicalOffsets: number[] = []

  /** @param uniqueKey what the request's header names all messages */
  constructor(
    connection: RemotingConnection,
    form: SendAnswerForm,
    opaque: number,
    uniqueKey: string | undefined,
  ) {
    this.#connection = connection
    this.#form = form
    this.#opaque = opaque
    const key = uniqueKey === undefined ? undefined : Buffer.from(uniqueKey)
    if (key && key.length <= UNIQUE_KEY_BYTES_MAX) this.#uniqueKey = key
  }

  add(physicalOffset: number): void {
    this.#physicalOffsets.push(physicalOffset)
  }

  appended(outcome: AppendOutcome, _token: number, queueId: number, lastQueueOffset: number): void {
    const connection = this.#connection
    connection.ended()
    if (connection.isClosed) return
    const form = this.#form
    if (outcome === 'notWritable') {
      refuseSend(connection, this.#opaque, form)
      return
    }
    const { length: count } = this.#physicalOffsets
    const key = this.#uniqueKey
    const idBytes = UNIQUE_KEY_BYTES_MAX + count * MESSAGE_ID_BYTES_MAX
    form.begin(connection, { outcome, opaque: this.#opaque, queueId }, idBytes)
    if (key) form.transactionId(key, 0, key.length)
    form.beginMessageIds()
    for (let i = 0; i < count; i++) {
      if (i > 0) form.header.target.view.setUint8(form.header.at++, COMMA)
      form.putMessageId(this.#physicalOffsets[i] as number)
    }
    form.end(connection, lastQueueOffset - count + 1)
  }
}

const COMMA = 44
