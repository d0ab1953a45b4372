import { messageOf } from '../base/errors.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import type { ClientInstance } from './client-instance.ts'

/** A lock counts for so long after it was given; the broker gives it to others after 60 s. */
export const LOCK_MS = 30_000

/** How often locks are renewed. */
export const LOCK_RENEWAL_MS = 20_000

/** What brokers say to an ordered consumer; of queues whose broker has not answered nothing is known. */
export interface LockAnswer {
  /** The keys of queues that this client holds now, each with the monotonic time until which it may count on it. */
  readonly held: ReadonlyMap<string, number>
  /** Keys of queues that another client holds. */
  readonly denied: ReadonlySet<string>
}

/** Queues that one ordered consumer holds alone, at their brokers (protocol/semantics.md §7). */
export class QueueLocks {
  readonly #instance: ClientInstance
  readonly #group: string

  constructor(instance: ClientInstance, group: string) {
    this.#instance = instance
    this.#group = group
  }

  /** Asks for queues, those held already included. */
  async lock(queues: readonly MessageQueue[]): Promise<LockAnswer> {
    const { clientId, brokers, host } = this.#instance
    const held = new Map<string, number>()
    const denied = new Set<string>()
    await this.#eachBroker(queues, async (ofBroker) => {
      // counted from before the request: the broker's own time begins later
      const untilMs = host.clock.monoMs() + LOCK_MS
      for (const queue of await brokers.lock(this.#group, clientId, ofBroker)) {
        held.set(messageQueueKey(queue), untilMs)
      }
      for (const key of ofBroker.map(messageQueueKey)) if (!held.has(key)) denied.add(key)
    })
    return { held, denied }
  }

  async unlock(queues: readonly MessageQueue[]): Promise<void> {
    const { clientId, brokers } = this.#instance
    await this.#eachBroker(queues, (ofBroker) => brokers.unlock(this.#group, clientId, ofBroker))
  }

  /** A broker that does not answer is logged: its locks run out by themselves. */
  async #eachBroker(
    queues: readonly MessageQueue[],
    act: (queues: readonly MessageQueue[]) => Promise<void>,
  ): Promise<void> {
    const names = new Set(queues.map(({ brokerName }) => brokerName))
    await Promise.all(
      [...names].map(async (brokerName) => {
        try {
          await act(queues.filter((queue) => queue.brokerName === brokerName))
        } catch (error) {
          const fields = { group: this.#group, broker: brokerName, error: messageOf(error) }
          this.#instance.host.log.warn(fields, 'queues could not be locked or unlocked')
        }
      }),
    )
  }
}
