/** A lock not renewed for this long is anybody's (RebalanceLockManager REBALANCE_LOCK_MAX_LIVE_TIME). */
export const LOCK_MS_MAX = 60_000

interface Lock {
  clientId: string
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
  #lastToken = 0
  readonly #groups = new Map<string, Map<string, Lock>>()

  /** Takes or renews what is free or the client's own. @returns the queues that are now the client's */
  lock<Queue extends LockedQueue>(
    group: string,
    clientId: string,
    queues: readonly Queue[],
    nowMs: number,
  ): Queue[] {
    const locks = this.#groups.get(group) ?? new Map<string, Lock>()
    this.#groups.set(group, locks)
    return queues.filter((queue) => {
      const key = keyOf(queue)
      const lock = locks.get(key)
      if (lock && lock.clientId !== clientId && nowMs - lock.lockedMs <= LOCK_MS_MAX) return false
      const isRenewed = lock?.clientId === clientId
      if (lock && !isRenewed) this.takenOver++
      const token = isRenewed ? lock.token : ++this.#lastToken
      locks.set(key, { clientId, lockedMs: nowMs, token })
      return true
    })
  }

  /** Gives back what is the client's. */
  unlock(group: string, clientId: string, queues: readonly LockedQueue[]): void {
    const locks = this.#groups.get(group)
    if (!locks) return
    for (const queue of queues) if (locks.get(keyOf(queue))?.clientId === clientId) locks.delete(keyOf(queue))
    if (locks.size === 0) this.#groups.delete(group)
  }

  /** Gives back all that a client of the group holds. */
  release(group: string, clientId: string): void {
    const locks = this.#groups.get(group)
    if (!locks) return
    for (const [key, lock] of locks) if (lock.clientId === clientId) locks.delete(key)
    if (locks.size === 0) this.#groups.delete(group)
  }

  /** The client that holds a queue now, and the token of its hold: a later hold of another client has a higher one. */
  holder(
    group: string,
    queue: LockedQueue,
    nowMs: number,
  ): { readonly clientId: string; readonly token: number } | undefined {
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
      for (const [key, { lockedMs }] of locks) if (nowMs - lockedMs > LOCK_MS_MAX) locks.delete(key)
      if (locks.size === 0) this.#groups.delete(group)
    }
  }
}

function keyOf(queue: LockedQueue): string {
  return `${queue.topic}/${queue.queueId}`
}
