import { MqError } from '../base/errors.ts'
import type { Clock, Timer } from '../base/host.ts'
import type { RemotingCommand } from '../protocol/remoting-command.ts'

/** Hears how a request of ours ended. */
export interface ResponseListener {
  answered(response: RemotingCommand): void
  /** @param error MqError timeout or connectionLost */
  failed(error: MqError): void
}

interface Pending {
  readonly listener: ResponseListener
  readonly deadlineMs: number
}

const SWEEP_INTERVAL_MS = 50

/** Requests that were sent over one connection and have no response yet, by their opaque number. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #pending = new Map<number, Pending>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#pending.size
  }

  add(opaque: number, timeoutMs: number, listener: ResponseListener): void {
    this.#pending.set(opaque, { listener, deadlineMs: this.#clock.monoMs() + timeoutMs })
    this.#timer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep)
  }

  has(opaque: number): boolean {
    return this.#pending.has(opaque)
  }

  /** A response to no request of ours, or to one that has timed out, is passed over. */
  answered(response: RemotingCommand): void {
    const pending = this.#pending.get(response.opaque)
    this.#pending.delete(response.opaque)
    pending?.listener.answered(response)
  }

  /** The connection is gone: every request fails. */
  failAll(error: MqError): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const { listener } of all) listener.failed(error)
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.monoMs()
    for (const [opaque, { deadlineMs, listener }] of this.#pending) {
      if (deadlineMs > nowMs) continue
      this.#pending.delete(opaque)
      listener.failed(new MqError('timeout', 'no response in time'))
    }
    if (this.#pending.size > 0) this.#timer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep)
  }
}
