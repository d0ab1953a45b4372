import type { Clock } from '../base/host.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { LockedQueue, QueueLocks } from './queue-locks.ts'

/**
 * Keeps a client that has lost a queue's lock from moving the group's offset under the client that has it now (R13): what it says is
 * passed over. RocketMQ takes the word of anybody. Those who are no members of the group, such as tools, may.
 */
export class QueueFence {
  /** Commits that were passed over. */
  refused = 0
  readonly #locks: QueueLocks
  readonly #clients: ClientRegistry
  readonly #clock: Clock

  constructor(parts: { locks: QueueLocks; clients: ClientRegistry; clock: Clock }) {
    this.#locks = parts.locks
    this.#clients = parts.clients
    this.#clock = parts.clock
  }

  /** Whether the client of a connection may commit. Groups that hold no locks cost one look. */
  allows(group: string, queue: LockedQueue, connectionId: number): boolean {
    if (!this.#locks.has(group)) return true
    const holder = this.#locks.holder(group, queue, this.#clock.nowMs())
    const member = this.#clients.consumerGroup(group)?.member(connectionId)
    if (!holder || !member || member.clientId === holder.clientId) return true
    this.refused++
    return false
  }
}
