import { Inject } from '@nestjs/common'

/** The connection that is meant where none is named. */
export const DEFAULT_CONNECTION = 'default'

/** Token under which the `Client` of a connection is provided. */
export function clientToken(name: string = DEFAULT_CONNECTION): string {
  return `ternmq:client:${name}`
}

/** Token under which the `Producer` of a connection is provided. */
export function producerToken(name: string = DEFAULT_CONNECTION): string {
  return `ternmq:producer:${name}`
}

/** Token under which the `RocketTransactions` of a connection are provided. */
export function transactionsToken(name: string = DEFAULT_CONNECTION): string {
  return `ternmq:transactions:${name}`
}

/** Injects the `Client` of a connection. */
export function InjectClient(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(clientToken(name))
}

/** Injects the `Producer` of a connection. */
export function InjectProducer(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(producerToken(name))
}

/** Injects the `RocketTransactions` of a connection. */
export function InjectTransactions(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(transactionsToken(name))
}
