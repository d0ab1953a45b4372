import { checkClientId } from './client-registry.ts'

/** A lock not renewed for this long is anybody's (RebalanceLockManager REBALANCE_LOCK_MAX_LIVE_TIME). */
export const LOCK_MS_MAX = 60_000

interface Lock {
  readonly queue: LockedQueue
  clientId: string
  /** The connection by which it was asked for last. */
  connectionId: number | undefined
  lockedMs: number
  /** Rises with every change of hands. */
  token: number
}

/** A queue as locks know it. */
export interface LockedQueue {
  readonly topic: string
  readonly queueId: number
}

/**
 * Who of a group consumes a queue in order: RocketMQ's RebalanceLockManager. A client holds a queue until it gives it back, says
 * farewell to the group, or has not renewed for a minute. Pure: time comes with each call.
 */
export class QueueLocks {
  /** Locks that went to another client because their holder had not renewed them. */
  takenOver = 0
  /** Hears of each queue that a client takes which did not hold it. */
  onTaken: (group: string, queue: LockedQueue, clientId: string) => void = () => undefined
  /** Hears of each queue that nobody holds any more. */
  onReleased: (group: string, queue: LockedQueue) => void = () => undefined
  #lastToken = 0
  readonly #groups = new Map<string, Map<string, Lock>>()

  /**
   * Takes or renews what is free or the client's own.
   * @returns the queues that are now the client's
   * @throws MqError invalidParameter when the client's id is too long: each queue notes it
   */
  lock<Queue extends LockedQueue>(
    group: string,
    clientId: string,
    queues: readonly Queue[],
    nowMs: number,
    connectionId?: number,
  ): Queue[] {
    checkClientId(clientId)
    const locks = this.#groups.get(group) ?? new Map<string, Lock>()
    this.#groups.set(group, locks)
    return queues.filter((queue) => {
      const key = keyOf(queue)
      const lock = locks.get(key)
      if (lock && lock.clientId !== clientId && nowMs - lock.lockedMs <= LOCK_MS_MAX) return false
      const isRenewed = lock?.clientId === clientId
      if (lock && !isRenewed) this.takenOver++
      const token = isRenewed ? lock.token : ++this.#lastToken
      locks.set(key, { queue, clientId, connectionId, lockedMs: nowMs, token })
      if (!isRenewed) this.onTaken(group, queue, clientId)
      return true
    })
  }

  /** Gives back what is the client's. */
  unlock(group: string, clientId: string, queues: readonly LockedQueue[]): void {
    const locks = this.#groups.get(group)
    if (!locks) return
    for (const queue of queues) {
      if (locks.get(keyOf(queue))?.clientId !== clientId) continue
      locks.delete(keyOf(queue))
      this.onReleased(group, queue)
    }
    if (locks.size === 0) this.#groups.delete(group)
  }

  /** Gives back all that a client of the group holds. */
  release(group: string, clientId: string): void {
    const locks = this.#groups.get(group)
    if (!locks) return
    for (const [key, lock] of locks) {
      if (lock.clientId !== clientId) continue
      locks.delete(key)
      this.onReleased(group, lock.queue)
    }
    if (locks.size === 0) this.#groups.delete(group)
  }

  /**
   * The client that holds a queue now, the connection by which it asked for it last, and the token of its hold: a later hold of
   * another client has a higher one.
   */
  holder(
    group: string,
    queue: LockedQueue,
    nowMs: number,
  ): Readonly<Pick<Lock, 'clientId' | 'connectionId' | 'token'>> | undefined {
    const lock = this.#groups.get(group)?.get(keyOf(queue))
    return lock && nowMs - lock.lockedMs <= LOCK_MS_MAX ? lock : undefined
  }

  /** Whether a group has ever held a queue that it has not given back. */
  has(group: string): boolean {
    return this.#groups.has(group)
  }

  /** Whether clients of a group hold any queue now. */
  isHolding(group: string, nowMs: number): boolean {
    for (const { lockedMs } of this.#groups.get(group)?.values() ?? []) {
      if (nowMs - lockedMs <= LOCK_MS_MAX) return true
    }
    return false
  }

  /** Forgets locks that have expired, so that names of clients gone by take no memory. */
  expire(nowMs: number): void {
    for (const [group, locks] of this.#groups) {
      for (const [key, { lockedMs, queue }] of locks) {
        if (nowMs - lockedMs <= LOCK_MS_MAX) continue
        locks.delete(key)
        this.onReleased(group, queue)
      }
      if (locks.size === 0) this.#groups.delete(group)
    }
  }
}

function keyOf(queue: LockedQueue): string {
  return `${queue.topic}/${queue.queueId}`
}
