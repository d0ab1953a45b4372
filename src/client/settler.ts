import { clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { Consumption } from './consumption.ts'
import { delayMsOfLevel, Reject, Retry } from './outcomes.ts'
import type { CachedMessage } from './process-queue.ts'
import type { SendBackDesk } from './send-back.ts'

/** Level at which a message is tried again first. */
const FIRST_LEVEL = 3

/** A message that could not be given back is handled again here after this long. */
const GIVE_BACK_DELAY_MS = 5000

export interface SettlerSettings {
  readonly group: string
  readonly isOrdered: boolean
  /** Nobody else would take the message: it is not given back. */
  readonly isBroadcast: boolean
  /** How often a message is delivered again before it is buried. */
  readonly retriesMax: number
  /** How long an ordered queue rests before a message is tried again. */
  readonly suspendMs: number
}

/** Decides what becomes of a message when its handler is done. */
export class Settler {
  readonly #instance: ClientInstance
  readonly #consumption: Consumption
  readonly #desk: SendBackDesk
  readonly #settings: SettlerSettings

  constructor(
    instance: ClientInstance,
    consumption: Consumption,
    desk: SendBackDesk,
    settings: SettlerSettings,
  ) {
    this.#instance = instance
    this.#consumption = consumption
    this.#desk = desk
    this.#settings = settings
  }

  succeed(cached: CachedMessage): void {
    cached.queue.counts.succeeded++
    this.#consumption.settle(cached)
  }

  /** The handler has thrown. Done when the message is settled, or waits to be handled again. */
  async fail(cached: CachedMessage, error: unknown): Promise<void> {
    const { isOrdered, isBroadcast } = this.#settings
    if (error instanceof Reject) await this.#bury(cached, error)
    else if (isOrdered) await this.#suspend(cached, error)
    else if (isBroadcast) {
      this.#tell(cached, error, 'dropped')
      this.#consumption.settle(cached)
    } else await this.#giveBack(cached, error, error instanceof Retry ? error.delayLevel : 0)
  }

  async #bury(cached: CachedMessage, error: unknown): Promise<void> {
    if (!this.#settings.isBroadcast) {
      await this.#giveBack(cached, error, -1)
      return
    }
    this.#tell(cached, error, 'dropped')
    this.#consumption.settle(cached)
  }

  /** An ordered queue waits for its message, until that has failed too often. */
  async #suspend(cached: CachedMessage, error: unknown): Promise<void> {
    cached.failures++
    if (cached.message.reconsumeTimes + cached.failures > this.#settings.retriesMax) {
      await this.#bury(cached, error)
      return
    }
    this.#tell(cached, error, 'suspended')
    const delayMs = error instanceof Retry ? error.delayMs : undefined
    this.#consumption.putBack(cached, delayMs ?? this.#settings.suspendMs)
  }

  async #giveBack(cached: CachedMessage, error: unknown, delayLevel: number): Promise<void> {
    if (cached.queue.isDropped) {
      // it comes again anyway, to whoever has the queue now
      this.#consumption.settle(cached)
      return
    }
    try {
      await this.#desk.giveBack(cached.message, delayLevel)
    } catch (thrown) {
      const failure = clientErrorOf(thrown)
      if (failure.code === 'notSupported') await this.#keep(cached, error)
      else {
        const { queue } = cached.message
        this.#instance.events.emit('stalled', { group: this.#settings.group, queue, error: failure })
        this.#consumption.putBack(cached, GIVE_BACK_DELAY_MS)
      }
      return
    }
    this.#tell(cached, error, delayLevel < 0 ? 'rejected' : 'retried')
    this.#consumption.settle(cached)
  }

  /** The broker puts no messages by: this one waits here for as long as it would have there. */
  async #keep(cached: CachedMessage, error: unknown): Promise<void> {
    cached.failures++
    const failures = cached.message.reconsumeTimes + cached.failures
    if (failures > this.#settings.retriesMax) {
      await this.#bury(cached, error)
      return
    }
    this.#tell(cached, error, 'suspended')
    const retry = error instanceof Retry ? error : new Retry()
    const level = retry.delayLevel > 0 ? retry.delayLevel : FIRST_LEVEL - 1 + failures
    this.#consumption.putBack(cached, retry.delayMs ?? delayMsOfLevel(level))
  }

  #tell(
    cached: CachedMessage,
    error: unknown,
    settled: 'retried' | 'suspended' | 'dropped' | 'rejected',
  ): void {
    const { group } = this.#settings
    cached.queue.counts.failed++
    this.#instance.events.emit('failed', { group, messageId: cached.message.messageId, error, settled })
  }
}
