import type { ConsumeQueue } from '../store/consume-queue.ts'

/** Tells those who wait for messages that some have arrived: features that follow a queue, and the doors' held pulls. */
export class Arrivals {
  /** Hears of queues with held pulls. Set by the door. */
  onPulled: (queue: ConsumeQueue) => void = () => undefined
  /** Hears of queues with held pops. Set by the door. */
  onPopped: (queue: ConsumeQueue) => void = () => undefined
  readonly #followers = new Map<ConsumeQueue, (() => void)[]>()

  /** Calls `callback` whenever messages have arrived in the queue, once a turn. */
  follow(queue: ConsumeQueue, callback: () => void): void {
    queue.awaiterCount++
    const callbacks = this.#followers.get(queue)
    if (callbacks) callbacks.push(callback)
    else this.#followers.set(queue, [callback])
  }

  /** The store's word: messages have arrived. */
  readonly arrived = (queue: ConsumeQueue): void => {
    for (const callback of this.#followers.get(queue) ?? []) callback()
    this.onPulled(queue)
    this.onPopped(queue)
  }
}
