import type { Clock, Random } from '../base/host.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { ClientError } from './client-error.ts'
import { pair } from './prepared-message.ts'
import type { ReceivedMessage } from './received-message.ts'

interface Waiting {
  /** Lets go of timer and signal. */
  end(): void
  resolve(reply: ReceivedMessage): void
  fail(reason: unknown): void
}

/** A request that waits for its reply. */
export interface ExpectedReply {
  /** What the request says, so that its reply finds back; in the text of the wire. */
  readonly properties: string
  /** Rejects with timeout, closed, or the signal's reason. */
  readonly reply: Promise<ReceivedMessage>
  /** The request was not sent. */
  forget(): void
}

/** The requests of a client that wait for replies, by correlation id (protocol/requests.md §2, 324 to 326). */
export class ReplyDesk {
  readonly #clock: Clock
  readonly #random: Random
  readonly #clientId: string
  readonly #waiting = new Map<string, Waiting>()

  constructor(parts: { clock: Clock; random: Random; clientId: string }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#clientId = parts.clientId
  }

  /** Requests that wait. */
  get count(): number {
    return this.#waiting.size
  }

  expect(timeoutMs: number, signal: AbortSignal | undefined): ExpectedReply {
    const id = this.#random.bytes(16).toString('hex')
    const reply = new Promise<ReceivedMessage>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(id)
        timer.cancel()
        signal?.removeEventListener('abort', abort)
      }
      const fail = (reason: unknown): void => {
        end()
        reject(reason)
      }
      const abort = (): void => fail(signal?.reason)
      const timer = this.#clock.after(timeoutMs, () =>
        fail(new ClientError('timeout', `no reply within ${timeoutMs} ms`)),
      )
      this.#waiting.set(id, { end, resolve, fail })
      signal?.addEventListener('abort', abort, { once: true })
    })
    const forget = (): void => this.#waiting.get(id)?.end()
    // where the request itself fails nobody looks at it
    reply.catch(() => undefined)
    const properties =
      pair(PropertyName.CORRELATION_ID, id) +
      pair(PropertyName.REPLY_TO_CLIENT, this.#clientId) +
      pair(PropertyName.TTL, String(timeoutMs))
    return { properties, reply, forget }
  }

  /** A reply has come; one that nobody waits for is passed over. */
  take(reply: ReceivedMessage): void {
    const id = reply.properties.get(PropertyName.CORRELATION_ID) ?? ''
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    waiting.end()
    waiting.resolve(reply)
  }

  /** No reply comes any more. */
  close(): void {
    const reason = new ClientError('closed', 'the client is closed')
    for (const waiting of [...this.#waiting.values()]) waiting.fail(reason)
  }
}
