import { SystemGroup } from '../protocol/names.ts'
import type { AbortOptions } from './abortable.ts'
import type { ClientInstance } from './client-instance.ts'
import type { ReplyPort } from './handler-context.ts'
import { Producer } from './producer.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { ReplyMessage } from './reply.ts'
import type { SendResult } from './send-result.ts'

/** Sends the replies of a consumer's handlers, by a producer that is made when the first reply is sent. */
export class Replier implements ReplyPort {
  readonly #instance: ClientInstance
  #producer: Producer | undefined

  constructor(instance: ClientInstance) {
    this.#instance = instance
  }

  async reply(request: ReceivedMessage, reply: ReplyMessage, options?: AbortOptions): Promise<SendResult> {
    this.#producer ??= new Producer(this.#instance, { group: SystemGroup.CLIENT_INNER_PRODUCER })
    return this.#producer.reply(request, reply, options)
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }
}
