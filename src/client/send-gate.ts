/** What waits to be let through, and how much it takes. */
export interface GateEntry {
  readonly bytes: number
  /** It may go now; `leave` is to be called when it is done. */
  begin(): void
}

export interface GateLimits {
  readonly countMax: number
  readonly bytesMax: number
}

/** Bounds how many sends are under way and how many bytes they hold; the rest waits in order. */
export class SendGate {
  readonly #limits: GateLimits
  readonly #waiting: GateEntry[] = []
  #waitingAt = 0
  #count = 0
  #bytes = 0
  #isReleasing = false

  constructor(limits: GateLimits) {
    this.#limits = limits
  }

  /** Sends under way. */
  get count(): number {
    return this.#count
  }

  /** Sends that wait to begin. */
  get waitingCount(): number {
    return this.#waiting.length - this.#waitingAt
  }

  enter(entry: GateEntry): void {
    if (this.waitingCount === 0 && this.#hasRoom(entry)) this.#begin(entry)
    else this.#waiting.push(entry)
  }

  leave(entry: GateEntry): void {
    this.#count--
    this.#bytes -= entry.bytes
    // one that ends while it begins leaves the rest to the loop that it began in
    if (this.#isReleasing) return
    this.#isReleasing = true
    for (let next = this.#waiting[this.#waitingAt]; next && this.#hasRoom(next); ) {
      this.#waitingAt++
      this.#begin(next)
      next = this.#waiting[this.#waitingAt]
    }
    this.#isReleasing = false
    // those that have begun are let go of, with their bodies
    if (this.#waitingAt > 0 && this.#waitingAt * 2 >= this.#waiting.length) {
      this.#waiting.splice(0, this.#waitingAt)
      this.#waitingAt = 0
    }
  }

  /** One that is larger than all room goes alone. */
  #hasRoom(entry: GateEntry): boolean {
    if (this.#count === 0) return true
    return this.#count < this.#limits.countMax && this.#bytes + entry.bytes <= this.#limits.bytesMax
  }

  #begin(entry: GateEntry): void {
    this.#count++
    this.#bytes += entry.bytes
    entry.begin()
  }
}
