// The published face of the NestJS module: `ternmq/nestjs`.
export { RocketClientProxy, type RocketClientProxyOptions } from './rocket-client-proxy.ts'
export { RocketContext } from './rocket-context.ts'
export { RocketListener, type RocketListenerOptions, RocketReply } from './rocket-listener.ts'
export { RocketModule } from './rocket-module.ts'
export type {
  RocketAsyncOptions,
  RocketOptions,
  RocketOptionsFactory,
  RocketRootOptions,
} from './rocket-options.ts'
export { Ctx, Header, Key, Payload, Tag } from './rocket-params.ts'
export { RocketServer, type RocketServerOptions } from './rocket-server.ts'
export {
  type RocketTransactionListener,
  RocketTransactions,
  TransactionListener,
  type TransactionListenerOptions,
} from './rocket-transactions.ts'
export {
  clientToken,
  InjectClient,
  InjectProducer,
  InjectTransactions,
  producerToken,
  transactionsToken,
} from './tokens.ts'
