import { setTimeout as pause } from 'node:timers/promises'
import { type Client, ClientError, type Producer } from '#ternmq/client/index.ts'
import { ResponseCode } from '#ternmq/protocol/response-code.ts'
import { type History, monotonicMs } from './history.ts'

/** Rest of a sender after a failure, so that a broker that is gone does not cost a whole core. */
const REST_MS = 20

export interface LoadOptions {
  readonly topics: readonly string[]
  /** Sends under way at once; 32 unless given. */
  readonly concurrency?: number
  readonly timeoutMs?: number
}

/** Senders that go on until they are stopped, whatever happens to the broker. Each message is sent once. */
export class Load {
  /** Failures by code, as `notWritable 14`. */
  readonly failures = new Map<string, number>()
  ackedCount = 0
  readonly #history: History
  readonly #producer: Producer
  readonly #topics: readonly string[]
  readonly #senders: Promise<void>[]
  /** The newest failure. */
  #lastFailure: ClientError | undefined
  /** When the newest acknowledged message was sent, by `monotonicMs`. */
  #lastSentMs = 0
  #isStopped = false

  constructor(client: Client, history: History, options: LoadOptions) {
    const { topics, concurrency = 32, timeoutMs = 3000 } = options
    this.#history = history
    this.#topics = topics
    this.#producer = client.producer({ retries: 0, timeoutMs, avoidsSlowBrokers: false })
    this.#senders = Array.from({ length: concurrency }, (_, index) => this.#send(index))
  }

  /** Waits until the sends under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#senders)
    await this.#producer.close()
  }

  /** The failures in one line. */
  get failureText(): string {
    const texts = [...this.failures].map(([code, count]) => `${count} ${code}`)
    return texts.length > 0 ? texts.join(', ') : 'none'
  }

  /** Waits for the acknowledgement of a message that is sent from now on. @returns how long that took, in milliseconds */
  async untilAcked(withinMs: number): Promise<number> {
    const beganMs = monotonicMs()
    while (this.#lastSentMs < beganMs) {
      if (monotonicMs() - beganMs > withinMs) {
        const reason = this.#lastFailure?.message ?? 'no failure'
        throw new Error(`no message was acknowledged for ${withinMs} ms: ${reason}`)
      }
      await pause(10)
    }
    return Math.round(monotonicMs() - beganMs)
  }

  /** Waits until a send fails in this way. @returns the failure */
  async untilRefused(isMeant: (error: ClientError) => boolean, withinMs: number): Promise<ClientError> {
    const beganMs = monotonicMs()
    const earlier = this.#lastFailure
    for (;;) {
      const failure = this.#lastFailure
      if (failure && failure !== earlier && isMeant(failure)) return failure
      if (monotonicMs() - beganMs > withinMs) {
        throw new Error(`not refused within ${withinMs} ms; failures: ${this.failureText}`)
      }
      await pause(10)
    }
  }

  async #send(index: number): Promise<void> {
    for (let turn = index; !this.#isStopped; turn++) {
      const topic = this.#topics[turn % this.#topics.length] ?? ''
      const { sequence, body } = this.#history.next()
      const sentMs = monotonicMs()
      try {
        this.#history.stored(sequence, topic, await this.#producer.send({ topic, body }))
        this.ackedCount++
        this.#lastSentMs = Math.max(this.#lastSentMs, sentMs)
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
        this.#failed(sequence, error)
        await pause(REST_MS)
      }
    }
  }

  #failed(sequence: number, error: ClientError): void {
    const { code, responseCode } = error
    if (responseCode === ResponseCode.SERVICE_NOT_AVAILABLE) this.#history.refused.add(sequence)
    const key = responseCode === undefined ? code : `${code} ${responseCode}`
    this.failures.set(key, (this.failures.get(key) ?? 0) + 1)
    this.#lastFailure = error
  }
}
