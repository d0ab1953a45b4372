import { MqError } from '../base/errors.ts'
import type { Clock, Timer } from '../base/host.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'

/** Hears how a request of ours ended, in one of two ways. */
export interface ResponseListener {
  /**
   * The response has come: `header` was just scanned, its body stands in `header.buffer`. Both hold until this
   * returns; views of the buffer may be kept. It must not throw.
   */
  answered(header: HeaderScan, bodyAt: number, bodyEnd: number): void
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

  /** A response to no request of ours, or to one that has timed out, is passed over. */
  answered(header: HeaderScan, bodyAt: number, bodyEnd: number): void {
    const { opaque } = header
    const pending = this.#pending.get(opaque)
    if (!pending) return
    this.#pending.delete(opaque)
    pending.listener.answered(header, bodyAt, bodyEnd)
  }

  /** Nobody wants to hear of this request any more. */
  forget(opaque: number): void {
    this.#pending.delete(opaque)
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
