import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices'
import { messageOf } from '../base/errors.ts'
import type { Client } from '../client/client.ts'
import { type ConnectOptions, connect } from '../client/connect.ts'
import type { Producer, ProducerOptions } from '../client/producer.ts'

/** Which cluster a proxy sends to, and how long it waits for replies. */
export interface RocketClientProxyOptions {
  readonly connect: ConnectOptions
  readonly producer?: ProducerOptions
  /** How long `send` waits for its reply; 3000 unless given. */
  readonly timeoutMs?: number
}

/** The other side of `RocketServer`: `send(topic, data)` asks for a reply, `emit(topic, data)` does not. */
export class RocketClientProxy extends ClientProxy {
  readonly #options: RocketClientProxyOptions
  #connecting: Promise<{ client: Client; producer: Producer }> | undefined

  constructor(options: RocketClientProxyOptions) {
    super()
    this.#options = options
  }

  async connect(): Promise<Producer> {
    this.#connecting ??= this.#connect()
    return (await this.#connecting).producer
  }

  async close(): Promise<void> {
    const connecting = this.#connecting
    this.#connecting = undefined
    await (await connecting)?.client.close()
  }

  /** The promise of the client's `Producer`. */
  unwrap<Unwrapped>(): Unwrapped {
    return this.connect() as Unwrapped
  }

  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const controller = new AbortController()
    void this.#request(topicOf(pattern), data, controller.signal).then(callback)
    return () => controller.abort()
  }

  protected async dispatchEvent<Result>({ pattern, data }: ReadPacket): Promise<Result> {
    const producer = await this.connect()
    return (await producer.send({ topic: topicOf(pattern), body: JSON.stringify(data ?? null) })) as Result
  }

  async #request(topic: string, data: unknown, signal: AbortSignal): Promise<WritePacket> {
    try {
      const producer = await this.connect()
      const { timeoutMs = 3000 } = this.#options
      const body = JSON.stringify(data ?? null)
      const reply = await producer.request({ topic, body }, { timeoutMs, signal })
      return JSON.parse(reply.text) as WritePacket
    } catch (error) {
      return { err: error instanceof Error ? error : messageOf(error), isDisposed: true }
    }
  }

  async #connect(): Promise<{ client: Client; producer: Producer }> {
    const client = await connect(this.#options.connect)
    return { client, producer: client.producer(this.#options.producer) }
  }
}

function topicOf(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern
  throw new TypeError(`a pattern is the name of a topic, not ${JSON.stringify(pattern)}`)
}
