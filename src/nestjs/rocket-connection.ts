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
    const { discovery, scanner } = this.#parts
    for (const { instance, isStatic } of this.#instances(discovery)) {
      this.#addTransactions(instance)
      const prototype: unknown = Object.getPrototypeOf(instance)
      if (typeof prototype !== 'object' || prototype === null) continue
      for (const name of scanner.getAllMethodNames(prototype)) {
        const method: unknown = Reflect.get(instance, name)
        if (typeof method !== 'function') continue
        for (const mark of listenerMarksOf(method)) {
          if (!this.#isMine(mark.options.connection)) continue
          if (!isStatic)
            throw new Error(
              `listener ${instance.constructor.name}.${name}: a provider with listeners has no request scope`,
            )
          await this.#start(mark, instance, name, method as (...args: unknown[]) => unknown)
        }
      }
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

  *#instances(discovery: DiscoveryService): Iterable<{ instance: object; isStatic: boolean }> {
    const seen = new Set<object>()
    for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
      const instance: unknown = wrapper.instance
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue
      seen.add(instance)
      yield { instance, isStatic: wrapper.isDependencyTreeStatic() }
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

  async #start(
    mark: ListenerMark,
    instance: object,
    name: string,
    method: (...args: unknown[]) => unknown,
  ): Promise<void> {
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
