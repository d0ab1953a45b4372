import type { Clock } from '../base/host.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { ConsumerOffsets } from './consumer-offsets.ts'
import type { FormerHolders } from './former-holders.ts'
import type { LockedQueue, QueueLocks } from './queue-locks.ts'

/**
 * Keeps a client that has lost a queue's lock from moving the group's offset under the client that has it now (R13): what it says is
 * passed over. RocketMQ takes the word of anybody. Who is no member of the group may be a tool, or a client that has come back and not
 * said yet who it is: it may move the group forward, but not back. The same goes for members just after a start, when the locks are gone.
 * Who is not known then, where somebody has the lock already, most likely held it before: the holder has begun where the group was, and
 * would take it back.
 */
export class QueueFence {
  /** Commits that were passed over. */
  refused = 0
  readonly #locks: QueueLocks
  readonly #former: FormerHolders
  readonly #clients: ClientRegistry
  readonly #offsets: ConsumerOffsets
  readonly #clock: Clock

  constructor(parts: {
    locks: QueueLocks
    formerHolders: FormerHolders
    clients: ClientRegistry
    offsets: ConsumerOffsets
    clock: Clock
  }) {
    this.#locks = parts.locks
    this.#former = parts.formerHolders
    this.#clients = parts.clients
    this.#offsets = parts.offsets
    this.#clock = parts.clock
  }

  /** Whether the client of a connection may commit an offset. Groups that hold no locks cost two looks. */
  allows(group: string, queue: LockedQueue, connectionId: number, offset: number): boolean {
    if (!this.#locks.has(group) && !this.#former.has(group)) return true
    const nowMs = this.#clock.nowMs()
    const holder = this.#locks.holder(group, queue, nowMs)
    const holderId = holder?.clientId ?? this.#former.find(group, queue, nowMs)
    if (holderId === undefined || holder?.connectionId === connectionId) return true
    const member = this.#clients.consumerGroup(group)?.member(connectionId)
    if (member?.clientId === holderId) return true
    const isMostLikelyAnother = holder !== undefined && (member !== undefined || this.#former.has(group))
    if (!isMostLikelyAnother && offset >= this.#committed(group, queue)) return true
    this.refused++
    return false
  }

  #committed(group: string, { queueId, topic }: LockedQueue): number {
    return this.#offsets.find(group, topic)?.get(queueId) ?? 0
  }
}
