import type { MessageQueue } from '../protocol/message-queue.ts'
import type { AbortOptions } from './abortable.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { ReplyMessage } from './reply.ts'
import type { SendResult } from './send-result.ts'

/** A message that is handled, as far as its context must know it. */
export interface Handled {
  readonly message: ReceivedMessage
  /** How often its handler has failed here, where it is tried again without the broker. */
  readonly failures: number
}

/** Sends the replies of handlers. */
export interface ReplyPort {
  reply(request: ReceivedMessage, reply: ReplyMessage, options?: AbortOptions): Promise<SendResult>
}

/** What a handler may know beside its message. */
export class HandlerContext {
  readonly #handled: Handled
  readonly #replies: ReplyPort
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(handled: Handled, replies: ReplyPort) {
    this.#handled = handled
    this.#replies = replies
  }

  /** The queue that the message was read from. */
  get queue(): MessageQueue {
    return this.#handled.message.queue
  }

  /** 1 for the first delivery to the group, as far as is known. */
  get deliveryCount(): number {
    return 1 + this.#handled.message.reconsumeTimes + this.#handled.failures
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

  /**
   * Answers the message, which was sent by `request`.
   * @throws ClientError as `Producer.reply`; invalidParameter when the message asks for no reply
   */
  reply(reply: ReplyMessage, options?: AbortOptions): Promise<SendResult> {
    return this.#replies.reply(this.#handled.message, reply, options)
  }

  /** Called by the consumer. */
  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }
}
