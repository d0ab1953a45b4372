import type { Clock } from '../base/host.ts'
import type { AbortOptions } from './abortable.ts'
import { ClientError } from './client-error.ts'
import type { Consumption } from './consumption.ts'
import { Reject, Retry } from './outcomes.ts'
import type { CachedMessage } from './process-queue.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { Settler } from './settler.ts'

/** How many messages a pull brings at most, and how long it waits for the first. */
export interface PullOptions extends AbortOptions {
  /** Most messages; 32 unless given. */
  readonly max?: number
  /** How long to wait for the first; 0 for not at all, for ever unless given. */
  readonly waitMs?: number
}

/** Hands messages to a program that asks for them, and takes its word for what became of them. */
export class MessageTap {
  readonly #clock: Clock
  readonly #consumption: Consumption
  readonly #settler: Settler
  readonly #isManual: boolean
  /** What the program has and has not settled. */
  readonly #held = new Map<ReceivedMessage, CachedMessage>()
  /** Those who wait for messages, first come first. */
  readonly #waiting = new Set<() => void>()
  #isClosed = false

  /**
   * @param isManual whether messages wait for `ack`; else the next pull settles what the one before brought
   */
  constructor(parts: { clock: Clock; consumption: Consumption; settler: Settler; isManual: boolean }) {
    this.#clock = parts.clock
    this.#consumption = parts.consumption
    this.#settler = parts.settler
    this.#isManual = parts.isManual
  }

  /** Messages that the program has and has not settled. */
  get heldCount(): number {
    return this.#held.size
  }

  /**
   * Takes what is there, waiting for the first message if it must.
   * @returns nothing when the time is over or the consumer is closed
   * @throws the signal's reason
   */
  async pull({ max = 32, waitMs, signal }: PullOptions = {}): Promise<ReceivedMessage[]> {
    signal?.throwIfAborted()
    if (!this.#isManual) this.ackAll()
    const deadlineMs = waitMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monoMs() + waitMs
    for (;;) {
      const messages = this.#take(max)
      const restMs = deadlineMs - this.#clock.monoMs()
      if (messages.length > 0 || restMs <= 0 || this.#isClosed) return messages
      await this.#wait(restMs, signal)
      signal?.throwIfAborted()
    }
  }

  /** There may be something to take. */
  readonly wake = (): void => {
    for (const resolve of [...this.#waiting]) resolve()
  }

  /** @throws ClientError invalidParameter when the message is not one that waits for it */
  ack(message: ReceivedMessage): void {
    this.#settler.succeed(this.#release(message))
  }

  ackAll(): void {
    for (const message of [...this.#held.keys()]) this.ack(message)
  }

  /** The message is delivered again. @throws ClientError invalidParameter as `ack` */
  async retry(message: ReceivedMessage, error: Retry = new Retry()): Promise<void> {
    await this.#settler.fail(this.#release(message), error)
  }

  /** The message is buried. @throws ClientError invalidParameter as `ack` */
  async reject(message: ReceivedMessage, error: Reject = new Reject()): Promise<void> {
    await this.#settler.fail(this.#release(message), error)
  }

  /** Gives what the program has not settled back to itself: it takes it again. */
  putBack(message: ReceivedMessage): void {
    if (this.#held.has(message)) this.#consumption.putBack(this.#release(message), 0)
  }

  /** Lets those who wait go empty-handed. */
  close(): void {
    this.#isClosed = true
    this.wake()
  }

  #take(max: number): ReceivedMessage[] {
    const messages: ReceivedMessage[] = []
    while (messages.length < max) {
      const cached = this.#consumption.take()
      if (!cached) break
      this.#held.set(cached.message, cached)
      messages.push(cached.message)
    }
    return messages
  }

  #release(message: ReceivedMessage): CachedMessage {
    const cached = this.#held.get(message)
    if (!cached) {
      throw new ClientError(
        'invalidParameter',
        `message ${message.messageId} does not wait to be settled here`,
      )
    }
    this.#held.delete(message)
    return cached
  }

  #wait(restMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(restMs) ? this.#clock.after(restMs, () => end()) : undefined
      const end = (): void => {
        timer?.cancel()
        this.#waiting.delete(end)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      this.#waiting.add(end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }
}
