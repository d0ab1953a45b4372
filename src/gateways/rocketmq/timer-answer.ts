import { type RecallHandle, recallHandleText } from '../../protocol/recall-handle.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import { refuseSend, type SendAnswerForm, sendErrorFields } from './send-answers.ts'

/** Answers the send of one timer message, with the handle by which it can be recalled. */
export class TimerAnswer implements AppendWaiter {
  readonly #connection: RemotingConnection
  readonly #form: SendAnswerForm
  readonly #opaque: number
  readonly #handle: Omit<RecallHandle, 'brokerName'>

  constructor(
    connection: RemotingConnection,
    form: SendAnswerForm,
    opaque: number,
    handle: Omit<RecallHandle, 'brokerName'>,
  ) {
    this.#connection = connection
    this.#form = form
    this.#opaque = opaque
    this.#handle = handle
  }

  appended(
    outcome: AppendOutcome,
    _token: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    const connection = this.#connection
    connection.ended()
    if (connection.isClosed) return
    if (outcome === 'notWritable') {
      refuseSend(connection, this.#opaque, this.#form)
      return
    }
    const { broker } = this.#form
    const { brokerName } = broker.settings
    connection.reply(this.#opaque, {
      code: outcome === 'stored' ? ResponseCode.SUCCESS : ResponseCode.FLUSH_DISK_TIMEOUT,
      extFields: {
        ...sendErrorFields(broker),
        queueId: String(queueId),
        transactionId: this.#handle.messageId,
        msgId: this.#form.messageId(physicalOffset),
        queueOffset: String(queueOffset),
        recallHandle: recallHandleText({ ...this.#handle, brokerName }),
      },
    })
  }
}
