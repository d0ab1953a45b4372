import type { Client } from '../client/client.ts'
import type { Message } from '../client/message.ts'
import type { ReceivedMessage } from '../client/received-message.ts'
import type {
  Transaction,
  TransactionOptions,
  TransactionOutcome,
  TransactionProducer,
  TransactionResult,
} from '../client/transaction-producer.ts'

/** What a provider with `@TransactionListener` does. */
export interface RocketTransactionListener<Argument = unknown> {
  /** The program's own part, done while the message waits. What it throws counts as unknown. */
  execute(transaction: Transaction, argument: Argument): TransactionOutcome | Promise<TransactionOutcome>
  /** Says what became of the transaction that a message belongs to. */
  check(message: ReceivedMessage): TransactionOutcome | Promise<TransactionOutcome>
}

/** Which group of transactions a provider answers for, and on which connection. */
export interface TransactionListenerOptions {
  /** The group of its producers. */
  readonly group: string
  readonly connection?: string
}

const marks = new WeakMap<object, TransactionListenerOptions>()

/** Has a provider execute and check the transactions of a group. */
export function TransactionListener(options: TransactionListenerOptions): ClassDecorator {
  return (target) => {
    marks.set(target, options)
  }
}

/** What the decorator of a class says. */
export function transactionMarkOf(target: object): TransactionListenerOptions | undefined {
  return marks.get(target)
}

/** Sends messages in transactions, which the listeners of their groups execute and check. */
export class RocketTransactions {
  readonly #client: Client
  readonly #groups = new Map<
    string,
    { readonly producer: TransactionProducer; readonly listener: RocketTransactionListener }
  >()

  constructor(client: Client) {
    this.#client = client
  }

  /**
   * Sends a message in a transaction.
   * @param argument what the listener's `execute` gets
   * @throws ClientError as `TransactionProducer.send`; Error when no listener has the group
   */
  async send(
    group: string,
    message: Message,
    argument?: unknown,
    options: TransactionOptions = {},
  ): Promise<TransactionResult> {
    const entry = this.#groups.get(group)
    if (!entry) throw new Error(`no provider has @TransactionListener({ group: '${group}' })`)
    const { producer, listener } = entry
    return producer.send(message, (transaction) => listener.execute(transaction, argument), options)
  }

  /** Called when the application starts. */
  add(group: string, listener: RocketTransactionListener): void {
    const producer = this.#client.transactionProducer({ group, check: (message) => listener.check(message) })
    this.#groups.set(group, { producer, listener })
  }
}
