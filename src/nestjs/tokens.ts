import { Inject } from '@nestjs/common'

/** The connection that is meant where none is named. */
export const DEFAULT_CONNECTION = 'default'

/** Tokens under which a connection's parts are provided. */
export function clientToken(name: string = DEFAULT_CONNECTION): string {
  return `ternmq:client:${name}`
}

export function producerToken(name: string = DEFAULT_CONNECTION): string {
  return `ternmq:producer:${name}`
}

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
