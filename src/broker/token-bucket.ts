/**
 * So much in a second, and as much at once after a quiet second. What is taken may be more than is there: the rest is owed, and
 * nothing passes until it is paid. Pure: time comes with each call.
 */
export class TokenBucket {
  readonly perSecond: number
  #tokens: number
  #filledMs: number

  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond
    this.#tokens = perSecond
    this.#filledMs = nowMs
  }

  /** How long until something may pass; 0 when it may now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs)
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * (1000 / this.perSecond))
  }

  take(count: number): void {
    this.#tokens -= count
  }

  /** Whether it is as if nobody had ever taken anything. */
  isFull(nowMs: number): boolean {
    this.#fill(nowMs)
    return this.#tokens >= this.perSecond
  }

  #fill(nowMs: number): void {
    if (nowMs <= this.#filledMs) return
    const grown = this.#tokens + ((nowMs - this.#filledMs) / 1000) * this.perSecond
    this.#tokens = Math.min(this.perSecond, grown)
    this.#filledMs = nowMs
  }
}
