import { MqError } from '../../base/errors.ts'
import type { Clock } from '../../base/host.ts'
import type { QuotaSubject, Quotas } from '../../broker/quotas.ts'
import { int32At } from '../../protocol/big-endian.ts'
import { HeaderScan } from '../../protocol/header-scan.ts'
import { BATCH_ENTRY_BYTES_MIN } from '../../protocol/message-batch.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { ACCESS_KEY } from '../../protocol/signature.ts'
import type { RemotingConnection, RequestSink } from '../../remoting/remoting-connection.ts'
import type { Throttle } from '../../remoting/request-dispatcher.ts'

/** A pull that has waited this long for its quota is told to come again later; official clients then wait themselves. */
const HELD_MS_MAX = 10_000

const sends: ReadonlySet<number> = new Set([
  ...[RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE],
  ...[RequestCode.SEND_REPLY_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2],
])

const pulls: ReadonlySet<number> = new Set([
  ...[RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE, RequestCode.POP_MESSAGE],
])

/**
 * Holds senders and consumers to the broker's quotas, in front of the handlers: a send beyond them is answered SYSTEM_BUSY, RocketMQ's
 * answer of flow control; a pull waits until they let it pass. What is handed out is charged when it is known.
 */
export class QuotaThrottle implements Throttle {
  readonly #quotas: Quotas
  readonly #clock: Clock
  readonly #sink: RequestSink
  /** Whether access keys are checked: otherwise a client is its address. */
  readonly #isSigned: () => boolean
  readonly #scan = new HeaderScan()
  /** While a request that has waited is handed on. */
  #isHandingOn = false

  /** @param parts `sink`: where requests go that have waited */
  constructor(parts: { quotas: Quotas; clock: Clock; sink: RequestSink; isSigned: () => boolean }) {
    this.#quotas = parts.quotas
    this.#clock = parts.clock
    this.#sink = parts.sink
    this.#isSigned = parts.isSigned
  }

  holds(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): boolean {
    const { code } = header
    if (sends.has(code)) {
      if (this.#quotas.has('send')) this.#admitSend(connection, header, bodyAt, bodyEnd)
      return false
    }
    if (this.#isHandingOn || !pulls.has(code) || !this.#quotas.has('pull')) return false
    const subject = { group: header.optionalText('consumerGroup'), topic: header.optionalText('topic') }
    const nowMs = this.#clock.monoMs()
    const waitMs = this.#quotas.waitMs('pull', subject, nowMs)
    if (waitMs === 0) return false
    this.#hold(new HeldRequest(connection, header, bodyEnd, nowMs), subject, waitMs)
    return true
  }

  /** @throws MqError busy */
  #admitSend(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void {
    const isShort = header.find('b') >= 0
    const subject = {
      client: (this.#isSigned() && header.optionalText(ACCESS_KEY)) || connection.remote.host,
      group: header.optionalText(isShort ? 'a' : 'producerGroup'),
      topic: header.optionalText(isShort ? 'b' : 'topic'),
    }
    const nowMs = this.#clock.monoMs()
    const waitMs = this.#quotas.waitMs('send', subject, nowMs)
    if (waitMs > 0) {
      throw new MqError(
        'busy',
        `[FLOW_CONTROL]more than the quota of ${namesOf(subject)}; again in ${waitMs} ms`,
      )
    }
    const isBatch = header.code === RequestCode.SEND_BATCH_MESSAGE
    const messages = isBatch ? entriesOf(header.buffer, bodyAt, bodyEnd) : 1
    this.#quotas.charge('send', subject, { messages, bytes: bodyEnd - bodyAt, nowMs })
  }

  #hold(request: HeldRequest, subject: QuotaSubject, waitMs: number): void {
    request.connection.began()
    this.#clock.after(Math.min(waitMs, HELD_MS_MAX), () => {
      this.#goOn(request, subject)
      request.connection.ended()
    })
  }

  #goOn(request: HeldRequest, subject: QuotaSubject): void {
    const { connection, frame, headerBytes, heldSinceMs } = request
    if (connection.isClosed) return
    const nowMs = this.#clock.monoMs()
    const waitMs = this.#quotas.waitMs('pull', subject, nowMs)
    this.#scan.read(frame, 0, headerBytes, request.serializeType)
    if (waitMs === 0) {
      this.#isHandingOn = true
      try {
        this.#sink.dispatch(connection, this.#scan, headerBytes, frame.length)
      } finally {
        this.#isHandingOn = false
      }
    } else if (nowMs + waitMs - heldSinceMs <= HELD_MS_MAX) this.#hold(request, subject, waitMs)
    else {
      const remark = `[FLOW_CONTROL]more than the quota of ${namesOf(subject)}`
      connection.reply(this.#scan.opaque, { code: ResponseCode.SYSTEM_BUSY, remark })
    }
  }
}

/** A request that waits, with bytes of its own. */
class HeldRequest {
  readonly connection: RemotingConnection
  readonly frame: Buffer
  readonly headerBytes: number
  readonly serializeType: number
  readonly heldSinceMs: number

  constructor(connection: RemotingConnection, header: HeaderScan, bodyEnd: number, nowMs: number) {
    this.connection = connection
    this.frame = Buffer.from(header.buffer.subarray(header.at, bodyEnd))
    this.headerBytes = header.end - header.at
    this.serializeType = header.serializeType
    this.heldSinceMs = nowMs
  }
}

/** How many messages a batch claims to hold; what is wrong with it its handler says. */
function entriesOf(body: Buffer, bodyAt: number, bodyEnd: number): number {
  let count = 0
  for (
    let at = bodyAt;
    at + BATCH_ENTRY_BYTES_MIN <= bodyEnd;
    at += Math.max(int32At(body, at), BATCH_ENTRY_BYTES_MIN)
  )
    count++
  return Math.max(count, 1)
}

function namesOf({ client, group, topic }: QuotaSubject): string {
  return [client && `client ${client}`, group && `group ${group}`, topic && `topic ${topic}`]
    .filter((text) => text !== undefined && text !== '')
    .join(', ')
    .slice(0, 300)
}
