import type { MessageQueue } from '../protocol/message-queue.ts'
import type { CachedMessage } from './process-queue.ts'

/** What a handler may know beside its message. */
export class HandlerContext {
  readonly #cached: CachedMessage
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(cached: CachedMessage) {
    this.#cached = cached
  }

  /** The queue that the message was read from. */
  get queue(): MessageQueue {
    return this.#cached.message.queue
  }

  /** 1 for the first delivery to the group, as far as is known. */
  get deliveryCount(): number {
    return 1 + this.#cached.message.reconsumeTimes + this.#cached.failures
  }

  /**
   * Aborts when the handler's time is over, the consumer is closed, or the queue has gone to another
   * consumer.
   */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Called by the consumer. */
  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }
}
