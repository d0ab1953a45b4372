// The published face of the client: `ternmq/client`.
export type { Host, Logger } from '../base/host.ts'
export {
  type AllocateStrategy,
  allocateAveragely,
  allocateByCircle,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateNearby,
  type QueueAllocation,
} from '../protocol/allocate-queues.ts'
export type { BodyCompression } from '../protocol/message-body.ts'
export type { MessageQueue } from '../protocol/message-queue.ts'
export type { BrokerData, QueueData, TopicRouteData } from '../protocol/topic-route-data.ts'
export type { AbortOptions } from './abortable.ts'
export type { Admin, AdminRequest, NewTopic } from './admin.ts'
export type { Client } from './client.ts'
export { ClientError, type ClientErrorCode } from './client-error.ts'
export type { ClientEventName, ClientEvents } from './client-events.ts'
export { type ConnectOptions, connect, type TlsOptions } from './connect.ts'
export type { Consumer } from './consumer.ts'
export type { ConsumerOptions } from './consumer-options.ts'
export type { HandlerContext } from './handler-context.ts'
export type { Handler } from './handler-runner.ts'
export type {
  HandleEvent,
  HandleInfo,
  Instrumentation,
  SendEvent,
  SendInfo,
  SendObserver,
  SendOutcome,
} from './instrumentation.ts'
export type { LingerOptions } from './linger.ts'
export type { LitePullConsumer, LitePullOptions } from './lite-pull-consumer.ts'
export { type AuditedMessage, LossAudit, type NumberRange, type SequenceReport } from './loss-audit.ts'
export type { Message } from './message.ts'
export type { PullOptions } from './message-tap.ts'
export { type OpenTelemetryApi, openTelemetry } from './open-telemetry.ts'
export { Reject, Retry } from './outcomes.ts'
export type { PopConsumer, PopOptions } from './pop-consumer.ts'
export type { Producer, ProducerOptions, SendOptions } from './producer.ts'
export type { QueueChoice, QueueSelector } from './queue-choice.ts'
export type { ReceivedMessage } from './received-message.ts'
export { isRequest, type ReplyMessage } from './reply.ts'
export type {
  SendBatchResult,
  SendOk,
  SendResult,
  SendStatus,
  SendUnsure,
  StoredMessage,
} from './send-result.ts'
export type { SequencedProducer } from './sequenced-producer.ts'
export { SqlFilter, type SqlValue, sql } from './sql-filter.ts'
export type { Filter, StartFrom } from './subscription.ts'
export type {
  Transaction,
  TransactionCheck,
  TransactionExecution,
  TransactionOptions,
  TransactionOutcome,
  TransactionProducer,
  TransactionProducerOptions,
  TransactionResult,
} from './transaction-producer.ts'
export {
  type Codec,
  json,
  type MessageRest,
  type StandardSchema,
  type Topic,
  topic,
  utf8,
  type ValueHandler,
} from './typed-topic.ts'
