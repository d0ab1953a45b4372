import { MqError } from '../errors.ts'
import type { Clock, Connection, Endpoint, Listener, Net, Random } from '../host.ts'
import { below, fraction } from './random-range.ts'
import { type Link, RETRY_MS, SimulatedConnection } from './simulated-connection.ts'

export interface SimulatedNetworkOptions {
  /** The shortest way between two hosts; 0.1 ms by default. */
  readonly delayMsMin?: number
  /** The longest ordinary way; 1 ms by default. */
  readonly delayMsMax?: number
  /** How many of all parcels take up to 100 times as long, from 0 to 1; 0.01 by default. */
  readonly slowShare?: number
  /** How many of all writes are cut at up to two places, from 0 to 1; 0.3 by default. */
  readonly cutShare?: number
  /**
   * Bytes on the way in one direction above which a write counts as not taken by the kernel; 256 KiB by
   * default.
   */
  readonly bufferBytesMax?: number
}

const DEFAULTS = {
  delayMsMin: 0.1,
  delayMsMax: 1,
  slowShare: 0.01,
  cutShare: 0.3,
  bufferBytesMax: 262_144,
} as const satisfies SimulatedNetworkOptions

/** Times of arrival are multiples of this, so that several parcels can arrive in one turn. */
const TICK_MS = 0.1

const FREE_PORT_MIN = 40_000

/** Names under which every machine reaches itself. */
const SELF = new Set(['localhost', '127.0.0.1', '0.0.0.0', '::', '::1', ''])

type Accept = (connection: Connection) => void

/**
 * Machines and the network between them, on a clock and under a seed. A stream keeps its order and its bytes
 * whatever happens, as TCP does: a cut path only holds it up until the path heals or somebody gives up.
 */
export class SimulatedNetwork {
  readonly #clock: Clock
  readonly #random: Random
  readonly #options: Required<SimulatedNetworkOptions>
  readonly #listeners = new Map<string, Accept>()
  readonly #connections = new Set<SimulatedConnection>()
  readonly #cuts = new Set<string>()
  readonly #refusing = new Set<string>()
  readonly #link: Link
  #portNext = FREE_PORT_MIN

  constructor(clock: Clock, random: Random, options: SimulatedNetworkOptions = {}) {
    this.#clock = clock
    this.#random = random
    this.#options = { ...DEFAULTS, ...options }
    this.#link = {
      clock,
      bufferBytesMax: this.#options.bufferBytesMax,
      arrivalMs: () => this.#arrivalMs(),
      isCut: (from, to) => this.#isCut(from, to),
      pieces: (bytes) => this.#pieces(bytes),
      closed: (connection) => this.#connections.delete(connection),
    }
  }

  /** The network as the machine of this address has it. */
  net(address: string): Net {
    return {
      listen: async (at, onConnection) => this.#listen(address, at, onConnection),
      connect: (to, timeoutMs) => this.#connect(address, to, timeoutMs),
      secured: () => {
        throw new MqError('notSupported', 'there is no TLS in a simulated network')
      },
    }
  }

  /** Cuts the way from one host to another; the way back stays open. */
  cut(from: string, to: string): void {
    this.#cuts.add(pathName(from, to))
  }

  /** Cuts both ways between two hosts. */
  partition(one: string, other: string): void {
    this.cut(one, other)
    this.cut(other, one)
  }

  /** Opens both ways between two hosts; what was held up arrives. */
  heal(one: string, other: string): void {
    this.#cuts.delete(pathName(one, other))
    this.#cuts.delete(pathName(other, one))
    for (const connection of this.#connections) connection.pump()
  }

  healAll(): void {
    this.#cuts.clear()
    for (const connection of this.#connections) connection.pump()
  }

  /** Whether the host refuses new connections as if nobody listened. */
  refuse(address: string, isRefusing: boolean): void {
    if (isRefusing) this.#refusing.add(address)
    else this.#refusing.delete(address)
  }

  /** Breaks all connections between two hosts now, at an arbitrary byte in either direction. */
  reset(one: string, other: string): void {
    for (const connection of [...this.#connections]) {
      const { local, remote } = connection
      const isBetween = local.host === one && remote.host === other
      if (isBetween || (local.host === other && remote.host === one))
        connection.reset(below(this.#random, 65_536))
    }
  }

  /**
   * The process on this host dies: it hears nothing more, its kernel closes its listeners and connections.
   */
  kill(address: string): void {
    for (const key of [...this.#listeners.keys()]) {
      if (key.startsWith(`${address}|`)) this.#listeners.delete(key)
    }
    for (const connection of [...this.#connections]) {
      if (connection.local.host === address) connection.abandon()
    }
  }

  #listen(address: string, at: Endpoint, onConnection: Accept): Listener {
    if (hostFor(address, at.host) !== address) {
      throw new MqError('badSetting', `${at.host} is not an address of ${address}`)
    }
    const port = at.port === 0 ? this.#portNext++ : at.port
    const key = listenerName(address, port)
    if (this.#listeners.has(key)) throw new MqError('portTaken', `port ${port} on ${at.host} is in use`)
    this.#listeners.set(key, onConnection)
    return {
      endpoint: { host: at.host, port },
      close: async () => {
        if (this.#listeners.get(key) === onConnection) this.#listeners.delete(key)
      },
    }
  }

  #connect(address: string, to: Endpoint, timeoutMs: number): Promise<Connection> {
    const host = hostFor(address, to.host)
    const place = `${to.host}:${to.port}`
    return new Promise((resolve, reject) => {
      const attempt = { isOver: false }
      const timeout = this.#clock.after(timeoutMs, () => {
        attempt.isOver = true
        reject(new MqError('timeout', `${place} did not answer within ${timeoutMs} ms`))
      })
      const settle = (act: () => void): void => {
        timeout.cancel()
        attempt.isOver = true
        act()
      }
      this.#travel(address, host, attempt, () => {
        const accept = this.#refusing.has(host) ? undefined : this.#listeners.get(listenerName(host, to.port))
        if (!accept) {
          const refusal = new MqError('connectionLost', `cannot connect to ${place}: ECONNREFUSED`)
          this.#travel(host, address, attempt, () => settle(() => reject(refusal)))
          return
        }
        const ends = SimulatedConnection.pair(
          this.#link,
          { host: address, port: this.#portNext++ },
          { host, port: to.port },
        )
        for (const end of ends) this.#connections.add(end)
        const [near, far] = ends
        this.#travel(
          host,
          address,
          attempt,
          () => settle(() => resolve(near)),
          () => near.destroy(),
        )
        accept(far)
      })
    })
  }

  /**
   * Calls `arrived` when a packet has made its way, trying again while the way is cut; `late` if it is too
   * late.
   */
  #travel(
    from: string,
    to: string,
    attempt: { readonly isOver: boolean },
    arrived: () => void,
    late = (): void => undefined,
  ): void {
    const waitMs = this.#arrivalMs() - this.#clock.monoMs()
    this.#clock.after(waitMs, () => {
      if (attempt.isOver) late()
      else if (!this.#isCut(from, to)) arrived()
      else this.#clock.after(RETRY_MS, () => this.#travel(from, to, attempt, arrived, late))
    })
  }

  #arrivalMs(): number {
    const { delayMsMin, delayMsMax, slowShare } = this.#options
    const isSlow = fraction(this.#random) < slowShare
    const delayMs = delayMsMin + fraction(this.#random) * ((isSlow ? 100 : 1) * delayMsMax - delayMsMin)
    const ticks = Math.ceil((this.#clock.monoMs() + delayMs) / TICK_MS)
    return Math.round(ticks * TICK_MS * 1000) / 1000 // as the virtual clock rounds
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.has(pathName(from, to))
  }

  #pieces(bytes: Buffer): Buffer[] {
    if (bytes.length < 2 || fraction(this.#random) >= this.#options.cutShare) return [bytes]
    const [one, other] = [below(this.#random, bytes.length + 1), below(this.#random, bytes.length + 1)]
    const [first, second] = [Math.min(one, other), Math.max(one, other)]
    return [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].filter(
      (piece) => piece.length > 0,
    )
  }
}

function hostFor(address: string, name: string): string {
  return SELF.has(name) ? address : name
}

function listenerName(address: string, port: number): string {
  return `${address}|${port}`
}

function pathName(from: string, to: string): string {
  return `${from}>${to}`
}
