import { MqError } from '../base/errors.ts'
import type { Clock, Timer } from '../base/host.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'

/** Hears how a request of ours ended, in one of two ways. */
export interface ResponseListener {
  /**
   * The response has come: `header` was just scanned, its body stands in `header.buffer`. Both hold until this
   * returns: what is kept of the body must be copied. It must not throw.
   */
  answered(header: HeaderScan, bodyAt: number, bodyEnd: number): void
  /** @param error MqError timeout or connectionLost */
  failed(error: MqError): void
}

interface Pending {
  readonly listener: ResponseListener
  readonly deadlineMs: number
}

/** Deadlines are looked at no more often than this. */
const SWEEP_INTERVAL_MS = 50

/** Requests that were sent over one connection and have no response yet, by their opaque number. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #pending = new Map<number, Pending>()
  #timer: Timer | undefined
  /** When deadlines are looked at next. */
  #sweepMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#pending.size
  }

  add(opaque: number, timeoutMs: number, listener: ResponseListener): void {
    const nowMs = this.#clock.monoMs()
    const deadlineMs = nowMs + timeoutMs
    this.#pending.set(opaque, { listener, deadlineMs })
    if (deadlineMs < this.#sweepMs) this.#sweepAt(deadlineMs, nowMs)
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
    this.#sweepMs = Number.POSITIVE_INFINITY
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const { listener } of all) listener.failed(error)
  }

  /** One timer for all: it stands at the first deadline, or a little later. */
  #sweepAt(deadlineMs: number, nowMs: number): void {
    const sweepMs = Math.max(deadlineMs, nowMs + SWEEP_INTERVAL_MS)
    if (sweepMs >= this.#sweepMs) return
    this.#timer?.cancel()
    this.#sweepMs = sweepMs
    this.#timer = this.#clock.after(sweepMs - nowMs, this.#sweep)
  }

  readonly #sweep = (): void => {
    this.#sweepMs = Number.POSITIVE_INFINITY
    const nowMs = this.#clock.monoMs()
    let firstMs = Number.POSITIVE_INFINITY
    for (const [opaque, { deadlineMs, listener }] of this.#pending) {
      if (deadlineMs > nowMs) {
        firstMs = Math.min(firstMs, deadlineMs)
        continue
      }
      this.#pending.delete(opaque)
      listener.failed(new MqError('timeout', 'no response in time'))
    }
    if (firstMs < this.#sweepMs) this.#sweepAt(firstMs, nowMs)
  }
}
