import type { Broker } from '../../broker/broker.ts'
import { int32At } from '../../protocol/big-endian.ts'
import { ByteView, copyBytes } from '../../protocol/byte-view.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import { ascii, isPlain, putBytes, putHex64 } from './ascii.ts'
import { type FixedFields, fieldName, fixedFields, ReplyHeader } from './reply-header.ts'

/** Most bytes of a send's answer: names, digits, region, two ids. */
const ANSWER_BYTES_MAX = 512

/** Longest unique key that an answer repeats (six bits of the token). */
const UNIQUE_KEY_BYTES_MAX = 63

/** What all answers to sends have in common, for one broker. */
export class SendAnswerForm {
  readonly header = new ReplyHeader()
  readonly broker: Broker
  /** Host and port of the store in hex: the first half of every message id. */
  readonly hostHex: ByteView
  readonly #fixed: FixedFields
  readonly #keySource = new ByteView()

  constructor(broker: Broker) {
    this.broker = broker
    this.hostHex = ascii(broker.sender.storeHost.toString('hex').toUpperCase())
    const { traceOn, regionId } = broker.settings
    this.#fixed = fixedFields({ TRACE_ON: String(traceOn), MSG_REGION: regionId })
  }

  /** The offsetMsgId of a message at this place of the log. */
  messageId(physicalOffset: number): string {
    return (
      this.hostHex.buffer.toString('latin1') + physicalOffset.toString(16).toUpperCase().padStart(16, '0')
    )
  }

  /**
   * Begins an answer in the connection's output: code and queue. Transaction id, then message ids, are up to the caller.
   * @param idBytes most bytes of these
   */
  begin(
    connection: RemotingConnection,
    answer: { readonly outcome: AppendOutcome; readonly opaque: number; readonly queueId: number },
    idBytes: number,
  ): void {
    const { output, serializeType } = connection
    const code = answer.outcome === 'stored' ? ResponseCode.SUCCESS : ResponseCode.FLUSH_DISK_TIMEOUT
    output.reserve(ANSWER_BYTES_MAX + idBytes)
    this.header.begin(output.buffer, output.at, { code, opaque: answer.opaque, serializeType })
    this.header.number(QUEUE_ID, answer.queueId)
  }

  /** Repeats a unique key, unless it is one that JSON would have to escape. */
  transactionId(source: Buffer, at: number, end: number): void {
    const { header } = this
    if (!isPlain(this.#keySource.of(source), at, end)) return
    header.beginField(TRANSACTION_ID)
    header.at = copyBytes(header.target, header.at, this.#keySource, at, end)
    header.endField()
  }

  beginMessageIds(): void {
    this.header.beginField(MESSAGE_ID)
  }

  /** As `messageId`, into the answer. */
  putMessageId(physicalOffset: number): void {
    const { header } = this
    const idAt = putBytes(header.target, header.at, this.hostHex)
    header.at = putHex64(header.target.view, idAt, physicalOffset)
  }

  /** Ends the message ids and the answer. */
  end(connection: RemotingConnection, queueOffset: number): void {
    const { header } = this
    header.endField()
    header.fixed(this.#fixed)
    header.number(QUEUE_OFFSET, queueOffset)
    header.end(undefined, 0)
    connection.output.at = header.at
    connection.markDirty()
  }
}

/**
 * Answers one connection's sends as their messages are stored: one object for all, each message known by its token. The token
 * packs what the answer needs into one number:
 *
 *     opaque: 32 bits | unique key, bytes from the end of the record: 15 bits | its length: 6 bits
 */
export class SendAnswers implements AppendWaiter {
  readonly #connection: RemotingConnection
  readonly #form: SendAnswerForm

  constructor(connection: RemotingConnection, form: SendAnswerForm) {
    this.#connection = connection
    this.#form = form
  }

  /** @param keyBytes length of the unique key; 0 leaves it out of the answer */
  static token(opaque: number, keyFromEnd: number, keyBytes: number): number {
    const place = keyBytes > UNIQUE_KEY_BYTES_MAX ? 0 : keyFromEnd + keyBytes * 0x8000
    return (opaque >>> 0) + place * 4_294_967_296
  }

  appended(
    outcome: AppendOutcome,
    token: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void {
    const connection = this.#connection
    connection.ended()
    if (connection.isClosed) return
    const place = Math.floor(token / 4_294_967_296)
    const opaque = (token - place * 4_294_967_296) | 0
    if (outcome === 'notWritable') {
      refuseSend(connection, opaque, this.#form)
      return
    }
    const form = this.#form
    form.begin(connection, { outcome, opaque, queueId }, 0)
    this.#putTransactionId(physicalOffset, place)
    form.beginMessageIds()
    form.putMessageId(physicalOffset)
    form.end(connection, queueOffset)
  }

  /** Repeats the message's unique key, read from where the message stands in memory. */
  #putTransactionId(physicalOffset: number, place: number): void {
    const keyBytes = place >>> 15
    const chunk = keyBytes > 0 ? this.#form.broker.store.log.tail.find(physicalOffset) : undefined
    if (!chunk) return
    const { buffer } = chunk
    const recordAt = physicalOffset - chunk.base
    const keyAt = recordAt + int32At(buffer, recordAt) - (place & 0x7fff)
    this.#form.transactionId(buffer, keyAt, keyAt + keyBytes)
  }
}

/** Answers that the store takes no messages now. */
export function refuseSend(connection: RemotingConnection, opaque: number, form: SendAnswerForm): void {
  const remark = `the message is not stored: ${form.broker.store.refusal ?? 'the log cannot be written'}`
  connection.reply(opaque, {
    code: ResponseCode.SERVICE_NOT_AVAILABLE,
    remark,
    extFields: sendErrorFields(form.broker),
  })
}

/** What every answer of the send family carries, errors too. */
export function sendErrorFields({ settings }: Broker): Readonly<Record<string, string>> {
  return { MSG_REGION: settings.regionId, TRACE_ON: String(settings.traceOn) }
}

const QUEUE_ID = fieldName('queueId')
const TRANSACTION_ID = fieldName('transactionId')
const MESSAGE_ID = fieldName('msgId')
const QUEUE_OFFSET = fieldName('queueOffset')
