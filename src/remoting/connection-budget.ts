import type { Clock } from '../base/host.ts'

/** How many connections a process takes. */
export interface ConnectionCaps {
  readonly totalMax: number
  /** From one address. */
  readonly perAddressMax: number
  /** New ones in a second; twice as many at once after a quiet while. */
  readonly perSecondMax: number
}

/** What an ordinary machine can stand; loopback, where tests and proxies are, counts as every address does. */
export const CONNECTION_CAPS: ConnectionCaps = {
  totalMax: 65_536,
  perAddressMax: 65_536,
  perSecondMax: 10_000,
}

/**
 * The connections of all listeners of a process, counted against its caps: a flood from one address or many leaves room, and files,
 * for the others.
 */
export class ConnectionBudget {
  readonly #caps: ConnectionCaps
  readonly #clock: Clock
  readonly #byAddress = new Map<string, number>()
  #count = 0
  #tokens: number
  #filledMs: number

  constructor(clock: Clock, caps: ConnectionCaps = CONNECTION_CAPS) {
    this.#caps = caps
    this.#clock = clock
    this.#tokens = 2 * caps.perSecondMax
    this.#filledMs = clock.monoMs()
  }

  get count(): number {
    return this.#count
  }

  /** Counts a connection from an address. @returns why it is not to be taken; undefined when it is, and must be released */
  admit(address: string): string | undefined {
    const { totalMax, perAddressMax, perSecondMax } = this.#caps
    if (this.#count >= totalMax) return `there are ${totalMax}`
    const ofAddress = this.#byAddress.get(address) ?? 0
    if (ofAddress >= perAddressMax) return `there are ${perAddressMax} from ${address}`
    this.#fill()
    if (this.#tokens < 1) return `more than ${perSecondMax} in a second`
    this.#tokens--
    this.#count++
    this.#byAddress.set(address, ofAddress + 1)
    return undefined
  }

  /** A connection that was admitted is gone. */
  release(address: string): void {
    this.#count--
    const left = (this.#byAddress.get(address) ?? 0) - 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
  }

  #fill(): void {
    const nowMs = this.#clock.monoMs()
    const { perSecondMax } = this.#caps
    this.#tokens = Math.min(2 * perSecondMax, this.#tokens + ((nowMs - this.#filledMs) / 1000) * perSecondMax)
    this.#filledMs = nowMs
  }
}
