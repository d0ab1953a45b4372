import { byteAt, int32At, putInt16, putInt32 } from '../protocol/big-endian.ts'
import { BROKER_VERSION } from '../protocol/client-version.ts'
import { FRAME_PREFIX_BYTES, SerializeType } from '../protocol/frame.ts'
import { Language } from '../protocol/language.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { SystemTopic } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { type RequestSigner, SIGNATURE, SIGNATURE_LENGTH } from '../protocol/signature.ts'
import type { Output } from '../remoting/output.ts'
import type { MessageKind, PreparedMessage } from './prepared-message.ts'
import { NEW_TOPIC_QUEUES } from './topic-route.ts'

/**
 * Header bytes in front of the fields: code, language, version, opaque, flag, and the lengths of remark and
 * fields.
 */
const HEADER_BYTES = 21

/**
 * What the client says it is written in. There is a NODE_JS, but brokers before 5.3.2 do not know it: they read no language, and fail
 * where they need one (222, metrics). Of all others brokers tell C++ alone apart.
 */
export const CLIENT_LANGUAGE = Language.OTHER

/** Bytes of the fields that differ from message to message, apart from the properties. */
const CHANGING_BYTES_MAX = 160

const letter = (name: string): number => name.charCodeAt(0)
const [SYS_FLAG, BORN_TIMESTAMP, FLAG, PROPERTIES] = [letter('f'), letter('g'), letter('h'), letter('i')]
const [RECONSUME_TIMES, RECONSUME_TIMES_MAX, BATCH] = [letter('j'), letter('l'), letter('m')]

const codes: Readonly<Record<MessageKind, number>> = {
  message: RequestCode.SEND_MESSAGE_V2,
  batch: RequestCode.SEND_BATCH_MESSAGE,
  reply: RequestCode.SEND_REPLY_MESSAGE_V2,
}

/** The fields that all messages of one sender to one queue have in common, in the binary form. */
export function sendTargetFields(producerGroup: string, queue: MessageQueue): Buffer {
  const fields: readonly (readonly [string, string])[] = [
    ['a', producerGroup],
    ['b', queue.topic],
    ['c', SystemTopic.AUTO_CREATE],
    ['d', String(NEW_TOPIC_QUEUES)],
    ['e', String(queue.queueId)],
    ['k', 'false'],
    ['n', queue.brokerName],
  ]
  return Buffer.concat(
    fields.map(([name, value]) => {
      const bytes = Buffer.alloc(7 + Buffer.byteLength(value))
      putInt16(bytes, 0, 1)
      bytes.write(name, 2)
      putInt32(bytes, 3, bytes.length - 7)
      bytes.write(value, 7)
      return bytes
    }),
  )
}

/**
 * Writes send requests straight into a connection's output, in the binary form of the header
 * (protocol/remoting.md §2.2): every RocketMQ reads it, and both sides spend less on it than on JSON. One
 * instance is used for all.
 */
export class SendFrameWriter {
  #bornMs = -1
  #bornText = ''
  readonly #signer: RequestSigner | undefined
  /** Bytes of the fields that the signer adds. */
  readonly #signedBytes: number

  constructor(signer?: RequestSigner) {
    this.#signer = signer
    const own = [...(signer?.ownFields ?? []), [SIGNATURE, '='.repeat(SIGNATURE_LENGTH)] as const]
    this.#signedBytes = signer
      ? own.reduce((sum, [name, value]) => sum + 6 + name.length + Buffer.byteLength(value), 0)
      : 0
  }

  /**
   * @param flag 0 for a request, 2 for one without an answer
   * @param targetFields of `sendTargetFields`
   */
  write(
    output: Output,
    message: PreparedMessage,
    request: { opaque: number; flag: number; nowMs: number; targetFields: Buffer },
  ): void {
    const { body, properties, sysFlag, flag, kind, reconsumeTimes, reconsumeTimesMax } = message
    const { targetFields } = request
    // at most three bytes a unit of text
    const headerBytesMax =
      HEADER_BYTES + targetFields.length + CHANGING_BYTES_MAX + 3 * properties.length + this.#signedBytes
    output.reserve(FRAME_PREFIX_BYTES + headerBytesMax + body.length)
    const { buffer, at: frameAt } = output
    const headerAt = frameAt + FRAME_PREFIX_BYTES
    targetFields.copy(buffer, headerAt + HEADER_BYTES)
    let at = headerAt + HEADER_BYTES + targetFields.length
    at = putField(buffer, at, SYS_FLAG, sysFlag === 0 ? '0' : String(sysFlag))
    at = putField(buffer, at, BORN_TIMESTAMP, this.#textOfTime(request.nowMs))
    at = putField(buffer, at, FLAG, flag === 0 ? '0' : String(flag))
    at = putField(buffer, at, RECONSUME_TIMES, reconsumeTimes === 0 ? '0' : String(reconsumeTimes))
    if (reconsumeTimesMax >= 0) at = putField(buffer, at, RECONSUME_TIMES_MAX, String(reconsumeTimesMax))
    if (kind === 'batch') at = putField(buffer, at, BATCH, 'true')
    if (properties.length > 0) at = putProperties(buffer, at, properties)
    if (this.#signer) at = putSignature(buffer, headerAt + HEADER_BYTES, at, this.#signer, body)
    putHeader(buffer, headerAt, { code: codes[kind], opaque: request.opaque, flag: request.flag, end: at })
    body.copy(buffer, at)
    putInt32(buffer, frameAt, at - frameAt - 4 + body.length)
    putInt32(buffer, frameAt + 4, (SerializeType.ROCKETMQ << 24) | (at - headerAt))
    output.at = at + body.length
  }

  #textOfTime(nowMs: number): string {
    if (nowMs !== this.#bornMs) {
      this.#bornMs = nowMs
      this.#bornText = String(nowMs)
    }
    return this.#bornText
  }
}

function putHeader(
  buffer: Buffer,
  at: number,
  header: { code: number; opaque: number; flag: number; end: number },
): void {
  putInt16(buffer, at, header.code)
  buffer[at + 2] = CLIENT_LANGUAGE
  putInt16(buffer, at + 3, BROKER_VERSION)
  putInt32(buffer, at + 5, header.opaque)
  putInt32(buffer, at + 9, header.flag)
  putInt32(buffer, at + 13, 0)
  putInt32(buffer, at + 17, header.end - at - HEADER_BYTES)
}

/** A field of plain ASCII under a name of one letter. */
function putField(buffer: Buffer, at: number, name: number, value: string): number {
  const { length } = value
  buffer[at] = 0
  buffer[at + 1] = 1
  buffer[at + 2] = name
  putInt32(buffer, at + 3, length)
  for (let i = 0; i < length; i++) buffer[at + 7 + i] = value.charCodeAt(i)
  return at + 7 + length
}

function putProperties(buffer: Buffer, at: number, text: string): number {
  buffer[at] = 0
  buffer[at + 1] = 1
  buffer[at + 2] = PROPERTIES
  const bytes = buffer.write(text, at + 7)
  putInt32(buffer, at + 3, bytes)
  return at + 7 + bytes
}

/**
 * Signs fields of one letter that stand from `fieldsAt` to `at`, and puts the signer's own behind them.
 * @returns the end of all
 */
function putSignature(
  buffer: Buffer,
  fieldsAt: number,
  end: number,
  signer: RequestSigner,
  body: Buffer,
): number {
  const valueAts: number[] = []
  for (let at = fieldsAt; at < end; at += 7 + int32At(buffer, at + 3))
    valueAts[byteAt(buffer, at + 2)] = at + 3
  const hmac = signer.begin()
  // in the order of the letters; the array has holes
  valueAts.forEach((lengthAt) => {
    hmac.update(buffer.subarray(lengthAt + 4, lengthAt + 4 + int32At(buffer, lengthAt)))
  })
  const signature = hmac.update(body).digest('base64')
  let at = end
  for (const [name, value] of [...signer.ownFields, [SIGNATURE, signature] as const]) {
    putInt16(buffer, at, name.length)
    buffer.write(name, at + 2, 'latin1')
    const bytes = buffer.write(value, at + 6 + name.length)
    putInt32(buffer, at + 2 + name.length, bytes)
    at += 6 + name.length + bytes
  }
  return at
}
