import { type DynamicModule, Module, type Provider } from '@nestjs/common'
import { DiscoveryModule, DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core'
import type { Client } from '../client/client.ts'
import { connect } from '../client/connect.ts'
import type { Producer } from '../client/producer.ts'
import { RocketConnection } from './rocket-connection.ts'
import type {
  RocketAsyncOptions,
  RocketOptions,
  RocketOptionsFactory,
  RocketRootOptions,
} from './rocket-options.ts'
import { RocketTransactions } from './rocket-transactions.ts'
import { clientToken, DEFAULT_CONNECTION, producerToken, transactionsToken } from './tokens.ts'

/** Connections to RocketMQ clusters for an application: one `forRoot` or `forRootAsync` for each. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules by their class
export class RocketModule {
  /** A connection with options that are known now. */
  static forRoot({ name = DEFAULT_CONNECTION, ...options }: RocketRootOptions): DynamicModule {
    return moduleOf(name, [], [{ provide: optionsToken(name), useValue: options }])
  }

  /** A connection with options from other providers. */
  static forRootAsync(options: RocketAsyncOptions): DynamicModule {
    const { name = DEFAULT_CONNECTION, imports = [], inject = [], useFactory, useClass } = options
    const provide = optionsToken(name)
    if (useFactory) return moduleOf(name, imports, [{ provide, useFactory, inject: [...inject] }])
    if (!useClass) throw new Error(`forRootAsync of connection ${name} wants useFactory or useClass`)
    const made = (factory: RocketOptionsFactory): RocketOptions | Promise<RocketOptions> =>
      factory.createRocketOptions()
    return moduleOf(name, imports, [useClass, { provide, useFactory: made, inject: [useClass] }])
  }
}

function optionsToken(name: string): string {
  return `ternmq:options:${name}`
}

function moduleOf(
  name: string,
  imports: NonNullable<RocketAsyncOptions['imports']>,
  options: readonly Provider[],
): DynamicModule {
  const [client, producer, transactions] = [clientToken(name), producerToken(name), transactionsToken(name)]
  const providers: Provider[] = [
    ...options,
    {
      provide: client,
      useFactory: ({ producer: _, drainMs: __, ...rest }: RocketOptions) => connect(rest),
      inject: [optionsToken(name)],
    },
    {
      provide: producer,
      useFactory: (of: Client, { producer: given }: RocketOptions) => of.producer(given),
      inject: [client, optionsToken(name)],
    },
    { provide: transactions, useFactory: (of: Client) => new RocketTransactions(of), inject: [client] },
    connectionProvider(name),
  ]
  return {
    module: RocketModule,
    global: true,
    imports: [DiscoveryModule, ...imports],
    providers,
    exports: [client, producer, transactions],
  }
}

function connectionProvider(name: string): Provider {
  return {
    provide: `ternmq:connection:${name}`,
    useFactory: (
      client: Client,
      producer: Producer,
      transactions: RocketTransactions,
      { drainMs }: RocketOptions,
      discovery: DiscoveryService,
      scanner: MetadataScanner,
      contexts: ExternalContextCreator,
    ) =>
      new RocketConnection({ name, client, producer, transactions, drainMs, discovery, scanner, contexts }),
    inject: [
      ...[clientToken(name), producerToken(name), transactionsToken(name), optionsToken(name)],
      ...[DiscoveryService, MetadataScanner, ExternalContextCreator],
    ],
  }
}
