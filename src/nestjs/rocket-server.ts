import { type CustomTransportStrategy, Server, type WritePacket } from '@nestjs/microservices'
import { isObservable, lastValueFrom, of } from 'rxjs'
import { messageOf } from '../base/errors.ts'
import type { Client } from '../client/client.ts'
import { type ConnectOptions, connect } from '../client/connect.ts'
import type { Consumer } from '../client/consumer.ts'
import type { ConsumerOptions } from '../client/consumer-options.ts'
import type { HandlerContext } from '../client/handler-context.ts'
import { Reject } from '../client/outcomes.ts'
import type { Producer } from '../client/producer.ts'
import type { ReceivedMessage } from '../client/received-message.ts'
import { isRequest } from '../client/reply.ts'
import { RocketContext } from './rocket-context.ts'

/** Which cluster a server of microservices consumes from, and as which group. */
export interface RocketServerOptions {
  readonly connect: ConnectOptions
  /** Of the one consumer that takes the topics of all patterns. */
  readonly consumer: Omit<ConsumerOptions, 'topic' | 'filter' | 'manualAck'>
}

/**
 * A transport of Nest's microservices: the pattern of a handler is its topic. `@MessagePattern` answers those who
 * ask for a reply, `@EventPattern` takes messages; what either throws has an event delivered again.
 */
export class RocketServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('ternmq')
  readonly #options: RocketServerOptions
  #client: Client | undefined
  #producer: Producer | undefined
  #consumer: Consumer | undefined

  constructor(options: RocketServerOptions) {
    super()
    this.#options = options
  }

  listen(callback: (error?: unknown) => void): void {
    this.#start().then(() => callback(), callback)
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  on(): never {
    throw new Error('listen to the client instead: server.unwrap<Client>().on(...)')
  }

  /** The `Client` of `ternmq/client`, once it listens. */
  unwrap<Unwrapped>(): Unwrapped {
    return this.#client as Unwrapped
  }

  async #start(): Promise<void> {
    this.#client = await connect(this.#options.connect)
    this.#producer = this.#client.producer()
    const topic = [...this.getHandlers().keys()]
    this.#consumer = this.#client.consumer({ ...this.#options.consumer, topic })
    await this.#consumer.start()
    void this.#consumer.run((message, context) => this.#handle(message, context))
  }

  async #handle(message: ReceivedMessage, context: HandlerContext): Promise<void> {
    const handler = this.getHandlerByPattern(message.topic)
    if (!handler) throw new Reject(`no handler for topic ${message.topic}`)
    const rocketContext = new RocketContext(message, context)
    let data: unknown
    try {
      data = JSON.parse(message.text)
    } catch (error) {
      throw new Reject(`message ${message.messageId}: ${messageOf(error)}`, { cause: error })
    }
    const result = (): Promise<unknown> => lastOf(handler(data, rocketContext))
    if (isRequest(message)) await this.#answer(message, result)
    else await result()
  }

  /** Who asks hears of a failure too: nothing is delivered again. */
  async #answer(message: ReceivedMessage, result: () => Promise<unknown>): Promise<void> {
    let packet: WritePacket
    try {
      packet = { response: await result(), isDisposed: true }
    } catch (error) {
      packet = { err: error instanceof Error ? error.message : error, isDisposed: true }
    }
    await this.#producer?.reply(message, { body: JSON.stringify(packet) })
  }
}

async function lastOf(result: unknown): Promise<unknown> {
  const value = await result
  return lastValueFrom(isObservable(value) ? value : of(value), { defaultValue: undefined })
}
