import type { Clock, Random, Timer } from '../base/host.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { ClientError } from './client-error.ts'
import { pair } from './prepared-message.ts'
import type { ReceivedMessage } from './received-message.ts'

interface Waiting {
  readonly timer: Timer
  resolve(reply: ReceivedMessage): void
}

/** A request that waits for its reply. */
export interface ExpectedReply {
  /** What the request says, so that its reply finds back; in the text of the wire. */
  readonly properties: string
  /** Rejects with timeout, or the signal's reason. */
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
    const forget = (): void => {
      this.#waiting.get(id)?.timer.cancel()
      this.#waiting.delete(id)
    }
    const reply = new Promise<ReceivedMessage>((resolve, reject) => {
      const abort = (): void => {
        forget()
        reject(signal?.reason)
      }
      const settle = (message: ReceivedMessage): void => {
        signal?.removeEventListener('abort', abort)
        resolve(message)
      }
      const timer = this.#clock.after(timeoutMs, () => {
        forget()
        signal?.removeEventListener('abort', abort)
        reject(new ClientError('timeout', `no reply within ${timeoutMs} ms`))
      })
      this.#waiting.set(id, { timer, resolve: settle })
      signal?.addEventListener('abort', abort, { once: true })
    })
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
    this.#waiting.delete(id)
    waiting.timer.cancel()
    waiting.resolve(reply)
  }
}
