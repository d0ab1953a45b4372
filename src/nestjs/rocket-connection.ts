import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common'
import type { DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core'
import type { Client } from '../client/client.ts'
import type { Consumer } from '../client/consumer.ts'
import type { Producer } from '../client/producer.ts'
import { listenerHandler } from './listener-handler.ts'
import { type ListenerMark, listenerMarksOf } from './rocket-listener.ts'
import {
  type RocketTransactionListener,
  type RocketTransactions,
  transactionMarkOf,
} from './rocket-transactions.ts'
import { DEFAULT_CONNECTION } from './tokens.ts'

/** Where Nest's own parameter decorators are kept (ROUTE_ARGS_METADATA). */
const PARAMETERS_KEY = '__routeArguments__'

/** Parameters come from decorators made by `createParamDecorator` alone. */
const noOwnParameters = { exchangeKeyForValue: (): undefined => undefined }

export interface RocketConnectionParts {
  readonly name: string
  readonly client: Client
  readonly producer: Producer
  readonly transactions: RocketTransactions
  readonly drainMs: number | undefined
  readonly discovery: DiscoveryService
  readonly scanner: MetadataScanner
  readonly contexts: ExternalContextCreator
}

/** A provider or controller of the application. */
interface ProviderInstance {
  readonly instance: object
  /** Not made anew for each request. */
  readonly isStatic: boolean
}

type Method = (...args: unknown[]) => unknown

interface Listener {
  readonly mark: ListenerMark
  readonly instance: object
  readonly name: string
  readonly method: Method
}

/**
 * One connection in the life of an application: its listeners start when the application has started. At
 * shutdown they are drained before anything else is taken down, and the client is closed last.
 */
export class RocketConnection implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #parts: RocketConnectionParts
  readonly #consumers: Consumer[] = []

  constructor(parts: RocketConnectionParts) {
    this.#parts = parts
  }

  async onApplicationBootstrap(): Promise<void> {
    try {
      for (const provider of this.#providers()) {
        this.#addTransactions(provider.instance)
        for (const listener of this.#listenersOf(provider)) await this.#start(listener)
      }
    } catch (error) {
      // an application that does not start calls no hooks for its end
      await this.#parts.client.close()
      throw error
    }
  }

  async onModuleDestroy(): Promise<void> {
    const { drainMs } = this.#parts
    const options = drainMs === undefined ? {} : { drainMs }
    await Promise.all(this.#consumers.map((consumer) => consumer.close(options)))
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#parts.client.close()
  }

  *#providers(): Iterable<ProviderInstance> {
    const { discovery } = this.#parts
    const seen = new Set<object>()
    for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
      const instance: unknown = wrapper.instance
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue
      seen.add(instance)
      yield { instance, isStatic: wrapper.isDependencyTreeStatic() }
    }
  }

  *#listenersOf({ instance, isStatic }: ProviderInstance): Iterable<Listener> {
    const prototype: unknown = Object.getPrototypeOf(instance)
    if (typeof prototype !== 'object' || prototype === null) return
    for (const name of this.#parts.scanner.getAllMethodNames(prototype)) {
      const method: unknown = Reflect.get(prototype, name)
      if (!isMethod(method)) continue
      const marks = listenerMarksOf(method).filter(({ options }) => this.#isMine(options.connection))
      if (marks.length > 0 && !isStatic) {
        throw new Error(
          `${instance.constructor.name}.${name}: a provider with listeners has no request scope`,
        )
      }
      for (const mark of marks) yield { mark, instance, name, method }
    }
  }

  #addTransactions(instance: object): void {
    const mark = transactionMarkOf(instance.constructor)
    if (!mark || !this.#isMine(mark.connection)) return
    if (!isTransactionListener(instance)) {
      throw new Error(`transaction listener ${instance.constructor.name} wants the methods execute and check`)
    }
    this.#parts.transactions.add(mark.group, instance)
  }

  async #start({ mark, instance, name, method }: Listener): Promise<void> {
    const { client, producer, contexts } = this.#parts
    const options = { guards: true, interceptors: true, filters: true }
    const call = contexts.create(
      instance as Record<string, unknown>,
      ...([method, name, PARAMETERS_KEY, noOwnParameters, undefined, undefined, options, 'rpc'] as const),
    )
    const { codec: _codec, connection: _connection, ...consumerOptions } = mark.options
    const consumer = client.consumer(consumerOptions)
    this.#consumers.push(consumer)
    await consumer.start()
    void consumer.run(listenerHandler(mark, call, producer))
  }

  #isMine(connection: string | undefined): boolean {
    return (connection ?? DEFAULT_CONNECTION) === this.#parts.name
  }
}

function isTransactionListener(instance: object): instance is RocketTransactionListener {
  return ['execute', 'check'].every((name) => typeof Reflect.get(instance, name) === 'function')
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function'
}
