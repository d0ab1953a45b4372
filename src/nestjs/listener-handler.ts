import { messageOf } from '../base/errors.ts'
import type { Handler } from '../client/handler-runner.ts'
import { Reject } from '../client/outcomes.ts'
import type { Producer } from '../client/producer.ts'
import { isRequest } from '../client/reply.ts'
import { type Codec, json } from '../client/typed-topic.ts'
import { RocketContext } from './rocket-context.ts'
import type { ListenerMark } from './rocket-listener.ts'

/** A listener's method as Nest calls it: through guards, interceptors, pipes and filters. */
export type ListenerCall = (payload: unknown, context: RocketContext) => Promise<unknown>

/** The handler of a consumer that a listener makes. */
export function listenerHandler(
  { options, replies }: ListenerMark,
  call: ListenerCall,
  producer: Producer,
): Handler {
  const codec: Codec<unknown> = options.codec ?? json()
  return async (message, context) => {
    let payload: unknown
    try {
      payload = await codec.decode(message)
    } catch (error) {
      throw new Reject(`message ${message.messageId}: ${messageOf(error)}`, { cause: error })
    }
    const result = await call(payload, new RocketContext(message, context))
    if (replies && isRequest(message)) await producer.reply(message, { body: codec.encode(result ?? null) })
  }
}
