import { type AllocateStrategy, allocateAveragely } from '../protocol/allocate-queues.ts'
import type { Filter, StartFrom } from './subscription.ts'

/** What a consumer takes, where it begins, and how it works on it. */
export interface ConsumerOptions {
  /** Clients of one group share the messages of its topics. All must subscribe to the same. */
  readonly group: string
  /** One topic or several; more can be added by `subscribe`. */
  readonly topic?: string | readonly string[]
  /** Tags joined by `||` of which messages must have one, or an `sql` template; every message unless given. */
  readonly filter?: Filter
  /**
   * `cluster`: each message goes to one client of the group. `broadcast`: each client gets all. `cluster`
   * unless given.
   */
  readonly mode?: 'cluster' | 'broadcast'
  /** Of each queue one message is handled at a time, in order, by one client of the group. */
  readonly ordered?: boolean
  /** Where the group begins in a queue of which it has committed nothing; `latest` unless given. */
  readonly from?: StartFrom
  /** Handlers at work at the same time; 20 unless given. */
  readonly concurrency?: number
  /**
   * How queues are shared out; in contiguous blocks unless given. All clients of a group must do it alike.
   */
  readonly strategy?: AllocateStrategy
  /**
   * How often a message is delivered again before it is buried: 16 unless given, without end for ordered
   * consumers.
   */
  readonly retriesMax?: number
  /** How long an ordered queue rests before a message is tried again; 1000 unless given. */
  readonly suspendMs?: number
  /** A handler that takes longer is given up, and its message delivered again; 15 minutes unless given. */
  readonly handlerTimeoutMs?: number
  /**
   * Whether messages of `pull` and of the iteration wait for `ack`; else asking for the next settles them.
   */
  readonly manualAck?: boolean
  /** A broadcast consumer keeps how far it has come in this file; without one it begins anew each time. */
  readonly offsetsFile?: string
  /** How much of each queue is held; RocketMQ's 1000 messages, 100 MiB and 2000 offsets unless given. */
  readonly flow?: { readonly countMax?: number; readonly bytesMax?: number; readonly spanMax?: number }
  /**
   * Most messages of one pull; 32 unless given, which is also what brokers give at most unless set up
   * otherwise.
   */
  readonly pullBatchMax?: number
  /** How long a broker holds a pull for which it has nothing; 15000 unless given. */
  readonly pullSuspendMs?: number
  /** How long `close` waits for handlers at work; 10000 unless given. */
  readonly drainMs?: number
}

/** What applies where a consumer's options are silent. */
export const CONSUMER_DEFAULTS = {
  concurrency: 20,
  strategy: allocateAveragely as AllocateStrategy,
  suspendMs: 1000,
  handlerTimeoutMs: 15 * 60_000,
  pullBatchMax: 32,
  pullSuspendMs: 15_000,
  drainMs: 10_000,
  flow: { countMax: 1000, bytesMax: 100 * 1024 * 1024, spanMax: 2000 },
} as const
