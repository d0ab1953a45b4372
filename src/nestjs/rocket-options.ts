import type { Type } from '@nestjs/common'
import type { ConnectOptions } from '../client/connect.ts'
import type { ProducerOptions } from '../client/producer.ts'

/** A connection of the module: all that `connect` of `ternmq/client` takes. */
export interface RocketOptions extends ConnectOptions {
  /** Of the producer that `@InjectProducer` injects. */
  readonly producer?: ProducerOptions
  /** How long the application waits for listeners at work when it shuts down; 10000 unless given. */
  readonly drainMs?: number
}

/** A connection of `forRoot`, and its name. */
export interface RocketRootOptions extends RocketOptions {
  /** Tells connections apart, where there are several. */
  readonly name?: string
}

/** Makes options in a class of the program. */
export interface RocketOptionsFactory {
  createRocketOptions(): RocketOptions | Promise<RocketOptions>
}

/** How options come from other providers: by a factory, or by a class. */
export interface RocketAsyncOptions {
  readonly name?: string
  readonly imports?: readonly Type[]
  readonly inject?: readonly (Type | string | symbol)[]
  readonly useFactory?: (...injected: never[]) => RocketOptions | Promise<RocketOptions>
  readonly useClass?: Type<RocketOptionsFactory>
}
