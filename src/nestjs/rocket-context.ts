import type { HandlerContext } from '../client/handler-context.ts'
import type { AbortOptions, MessageQueue, ReplyMessage, SendResult } from '../client/index.ts'
import type { ReceivedMessage } from '../client/received-message.ts'

/** What a listener, its guards, pipes, interceptors and filters may know beside the payload. */
export class RocketContext {
  readonly message: ReceivedMessage
  readonly #context: HandlerContext

  constructor(message: ReceivedMessage, context: HandlerContext) {
    this.message = message
    this.#context = context
  }

  /** The queue that the message was read from. */
  get queue(): MessageQueue {
    return this.#context.queue
  }

  /** 1 for the first delivery to the group, as far as is known. */
  get deliveryCount(): number {
    return this.#context.deliveryCount
  }

  /** Aborts when the listener's time is over, the application shuts down, or the queue has gone elsewhere. */
  get signal(): AbortSignal {
    return this.#context.signal
  }

  /** Answers a message that was sent by `request`. @throws ClientError as `Producer.reply` */
  reply(reply: ReplyMessage, options?: AbortOptions): Promise<SendResult> {
    return this.#context.reply(reply, options)
  }
}
