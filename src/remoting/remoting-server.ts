import type { Clock, Connection, Endpoint, Listener, Logger, Net, Timer } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { HeaderScan } from '../protocol/header-scan.ts'
import { BufferPool } from './buffer-pool.ts'
import { ConnectionBudget } from './connection-budget.ts'
import {
  CONNECTION_LIMITS,
  type ConnectionLimits,
  RemotingConnection,
  type RemotingParts,
  type RequestSink,
} from './remoting-connection.ts'

/** A connection without bytes either way for this long is closed (NettyServerConfig serverChannelMaxIdleTimeSeconds). */
const IDLE_MS_MAX = 120_000

/** A frame must be whole this long after its first byte. */
const FRAME_MS_MAX = 30_000

const SWEEP_INTERVAL_MS = 5000

/** How long a close waits for the answers of requests under way: a synchronous flush takes milliseconds. */
const ANSWERS_MS_MAX = 3000

export interface RemotingServerOptions {
  readonly clock: Clock
  readonly net: Net
  readonly log: Logger
  readonly turn: Turn
  readonly dispatcher: RequestSink
  readonly limits?: ConnectionLimits
  /** Shared by the servers of a process; connections beyond it are closed as they come. */
  readonly budget?: ConnectionBudget
  /** Hears of each connection's end, once. */
  readonly onClosed?: (connection: RemotingConnection) => void
}

/** Listens for connections and takes their requests to the dispatcher; several listeners may share one server. */
export class RemotingServer {
  /** Open connections by their id. */
  readonly connections = new Map<number, RemotingConnection>()
  readonly #net: Net
  readonly #clock: Clock
  readonly #log: Logger
  readonly #parts: RemotingParts
  readonly #budget: ConnectionBudget
  readonly #onClosed: (connection: RemotingConnection) => void
  readonly #listeners: Listener[] = []
  #nextId = 1
  #sweepTimer: Timer | undefined
  #refusedCount = 0
  #refusalLoggedMs = Number.NEGATIVE_INFINITY

  constructor(options: RemotingServerOptions) {
    const { clock, net, log, turn, dispatcher } = options
    this.#net = net
    this.#clock = clock
    this.#log = log
    const limits = options.limits ?? CONNECTION_LIMITS
    this.#parts = { clock, turn, log, pool: new BufferPool(), scan: new HeaderScan(), dispatcher, limits }
    this.#budget = options.budget ?? new ConnectionBudget(clock)
    this.#onClosed = options.onClosed ?? (() => undefined)
  }

  /**
   * Begins to accept connections.
   * @returns where, with the port that was taken
   * @throws MqError portTaken
   */
  async listen(at: Endpoint): Promise<Endpoint> {
    const listener = await this.#net.listen(at, (connection) => this.#accept(connection))
    this.#listeners.push(listener)
    this.#sweepTimer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep)
    return listener.endpoint
  }

  /** Stops accepting, answers what is under way, for some seconds at most, and closes all connections. */
  async close(): Promise<void> {
    this.#sweepTimer?.cancel()
    await this.stopAccepting()
    const open = [...this.connections.values()]
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(ANSWERS_MS_MAX, resolve)
      void Promise.all(open.map((connection) => connection.finish())).then(() => {
        timer.cancel()
        resolve()
      })
    })
    for (const connection of open) connection.end()
  }

  async stopAccepting(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()))
  }

  #accept(connection: Connection): void {
    const { host } = connection.remote
    const refusal = this.#budget.admit(host)
    if (refusal !== undefined) {
      this.#refused(connection.remote, refusal)
      connection.destroy()
      return
    }
    const remoting = new RemotingConnection(this.#nextId++, connection, this.#parts, (closed) => {
      this.#budget.release(host)
      this.connections.delete(closed.id)
      this.#onClosed(closed)
    })
    this.connections.set(remoting.id, remoting)
  }

  /** Refusals are counted and logged once a second: a flood is not to fill the disk with lines. */
  #refused(peer: Endpoint, reason: string): void {
    this.#refusedCount++
    const nowMs = this.#clock.monoMs()
    if (nowMs - this.#refusalLoggedMs < 1000) return
    this.#log.warn({ peer, reason, count: this.#refusedCount }, 'connections refused: there are too many')
    this.#refusedCount = 0
    this.#refusalLoggedMs = nowMs
  }

  /** Closes connections that are idle, or that take too long over a frame. */
  readonly #sweep = (): void => {
    const nowMs = this.#clock.monoMs()
    for (const connection of this.connections.values()) {
      const { lastActiveMs, frameBeganMs } = connection
      if (nowMs - lastActiveMs > IDLE_MS_MAX || nowMs - (frameBeganMs ?? nowMs) > FRAME_MS_MAX) {
        this.#log.info(
          { peer: connection.address, idleMs: nowMs - lastActiveMs },
          'connection closed: idle, or a frame too slow',
        )
        connection.destroy()
      }
    }
    this.#sweepTimer = this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep)
  }
}
