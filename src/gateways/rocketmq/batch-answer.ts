import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import { refuseSend, type SendAnswerForm, sendErrorFields } from './send-answers.ts'

/** Answers one batch when its last message is stored: the ids of all, the queue offset of the first. */
export class BatchAnswer implements AppendWaiter {
  readonly #connection: RemotingConnection
  readonly #form: SendAnswerForm
  readonly #opaque: number
  readonly #uniqueKey: string | undefined
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
    this.#uniqueKey = uniqueKey
  }

  add(physicalOffset: number): void {
    this.#physicalOffsets.push(physicalOffset)
  }

  appended(outcome: AppendOutcome, _token: number, queueId: number, lastQueueOffset: number): void {
    const connection = this.#connection
    connection.ended()
    if (outcome === 'notWritable') {
      refuseSend(connection, this.#opaque, this.#form)
      return
    }
    connection.reply(this.#opaque, {
      code: outcome === 'stored' ? ResponseCode.SUCCESS : ResponseCode.FLUSH_DISK_TIMEOUT,
      extFields: {
        queueId: String(queueId),
        ...(this.#uniqueKey !== undefined && { transactionId: this.#uniqueKey }),
        msgId: this.#physicalOffsets.map((offset) => this.#form.messageId(offset)).join(','),
        queueOffset: String(lastQueueOffset - this.#physicalOffsets.length + 1),
        ...sendErrorFields(this.#form.broker),
      },
    })
  }
}
