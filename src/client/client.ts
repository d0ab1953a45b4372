import { Admin } from './admin.ts'
import { ClientError } from './client-error.ts'
import type { ClientEventName, ClientEvents } from './client-events.ts'
import type { ClientInstance } from './client-instance.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { LitePullConsumer, type LitePullOptions } from './lite-pull-consumer.ts'
import { PopConsumer, type PopOptions } from './pop-consumer.ts'
import { Producer, type ProducerOptions } from './producer.ts'
import { SequencedProducer } from './sequenced-producer.ts'
import { TransactionProducer, type TransactionProducerOptions } from './transaction-producer.ts'

/** What can be closed, and is when its client is. */
interface Closable {
  close(options?: { drainMs?: number }): Promise<void>
}

/**
 * A client of a cluster: makes producers and consumers, which share its connections, and closes them when it
 * is closed.
 */
export class Client {
  readonly admin: Admin
  readonly #instance: ClientInstance
  readonly #consumers = new Set<Closable>()
  readonly #producers = new Set<Closable>()
  #closing: Promise<void> | undefined

  /** Made by `connect`. */
  constructor(instance: ClientInstance) {
    this.#instance = instance
    this.admin = new Admin(instance)
  }

  /** How brokers name this client: `ip@name`. */
  get clientId(): string {
    return this.#instance.clientId
  }

  /** @throws ClientError closed, invalidParameter */
  producer(options: ProducerOptions = {}): Producer {
    this.#checkOpen()
    const producer = new Producer(this.#instance, options, () => this.#producers.delete(producer))
    this.#producers.add(producer)
    return producer
  }

  /**
   * A producer whose messages are numbered, so that an audit finds what is lost or doubled.
   * @throws ClientError closed, invalidParameter
   */
  sequencedProducer(options: ProducerOptions = {}): SequencedProducer {
    const id = this.#instance.uniqueKeys.next(this.#instance.host.clock.nowMs())
    return new SequencedProducer(this.producer(options), id)
  }

  /** @throws ClientError closed, invalidParameter */
  transactionProducer(options: TransactionProducerOptions): TransactionProducer {
    this.#checkOpen()
    const producer = new TransactionProducer(this.#instance, options, () => this.#producers.delete(producer))
    this.#producers.add(producer)
    return producer
  }

  /** @throws ClientError closed, invalidParameter, subscriptionParseFailed */
  consumer(options: ConsumerOptions): Consumer {
    this.#checkOpen()
    const consumer = new Consumer(this.#instance, options, () => this.#consumers.delete(consumer))
    this.#consumers.add(consumer)
    return consumer
  }

  /** @throws ClientError closed, invalidParameter */
  litePull(options: LitePullOptions): LitePullConsumer {
    this.#checkOpen()
    const consumer = new LitePullConsumer(this.#instance, options, () => this.#consumers.delete(consumer))
    this.#consumers.add(consumer)
    return consumer
  }

  /** @throws ClientError closed, invalidParameter, subscriptionParseFailed */
  pop(options: PopOptions): PopConsumer {
    this.#checkOpen()
    const consumer = new PopConsumer(this.#instance, options, () => this.#consumers.delete(consumer))
    this.#consumers.add(consumer)
    return consumer
  }

  /** Hears of an event from now on. @returns what ends that */
  on<Name extends ClientEventName>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#instance.events.on(name, listener)
  }

  /**
   * Closes all consumers and producers, then the connections. Does nothing the second time.
   * @param drainMs how long handlers at work may take; each consumer's own unless given
   */
  close(options: { drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(options: { drainMs?: number }): Promise<void> {
    // handlers may send: producers are closed after them
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(options)))
    await Promise.all([...this.#producers].map((producer) => producer.close()))
    await this.#instance.close()
  }

  #checkOpen(): void {
    if (this.#closing) throw new ClientError('closed', 'the client is closed')
  }
}
