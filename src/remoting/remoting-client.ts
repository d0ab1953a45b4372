import { MqError } from '../base/errors.ts'
import type { Clock, Endpoint, Logger, Net } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { HeaderScan } from '../protocol/header-scan.ts'
import type { CommandParts, RemotingCommand } from '../protocol/remoting-command.ts'
import type { RequestSigner } from '../protocol/signature.ts'
import { BufferPool } from './buffer-pool.ts'
import {
  CONNECTION_LIMITS,
  type ConnectionLimits,
  RemotingConnection,
  type RemotingParts,
  type RequestSink,
} from './remoting-connection.ts'

const CONNECT_TIMEOUT_MS = 3000

export interface RemotingClientOptions {
  readonly clock: Clock
  readonly net: Net
  readonly log: Logger
  readonly turn: Turn
  /** Handles what the other side asks of us: brokers push requests over our own connections. */
  readonly dispatcher: RequestSink
  readonly limits?: ConnectionLimits
  /** Number of the language that requests say they are written in; Java's by default. */
  readonly language?: number | undefined
  /** Signs all requests. */
  readonly signer?: RequestSigner | undefined
  /** Hears of each connection that was made. */
  readonly onConnected?: (address: string) => void
  /** Hears of each connection's end, once. */
  readonly onClosed?: (address: string) => void
}

/** Connections to many addresses, made when first needed and kept: one an address. */
export class RemotingClient {
  readonly #net: Net
  readonly #parts: RemotingParts
  readonly #onConnected: (address: string) => void
  readonly #onClosed: (address: string) => void
  readonly #connections = new Map<string, Promise<RemotingConnection>>()
  readonly #open = new Map<string, RemotingConnection>()
  #nextId = 1
  #isClosed = false

  constructor(options: RemotingClientOptions) {
    const { clock, net, log, turn, dispatcher } = options
    this.#net = net
    this.#onConnected = options.onConnected ?? (() => undefined)
    this.#onClosed = options.onClosed ?? (() => undefined)
    this.#parts = {
      clock,
      turn,
      log,
      pool: new BufferPool(),
      scan: new HeaderScan(),
      dispatcher,
      limits: options.limits ?? CONNECTION_LIMITS,
      language: options.language,
      signer: options.signer,
    }
  }

  /**
   * Sends a request and waits for its response, whatever its code.
   * @param address `host:port`
   * @throws MqError connectionLost, timeout
   */
  async invoke(
    address: string,
    command: Omit<CommandParts, 'opaque'>,
    timeoutMs: number,
  ): Promise<RemotingCommand> {
    const connection = await this.connection(address)
    return connection.invoke(command, timeoutMs)
  }

  /** Sends a request that gets no response. @throws MqError connectionLost when there is no connection to be had */
  async sendOneway(address: string, command: Omit<CommandParts, 'opaque' | 'flag'>): Promise<void> {
    const connection = await this.connection(address)
    connection.sendOneway(command)
  }

  /** The connection to an address, made when there is none. @throws MqError connectionLost, timeout, invalidParameter */
  connection(address: string): Promise<RemotingConnection> {
    if (this.#isClosed) return Promise.reject(new MqError('connectionLost', 'the client is closed'))
    const known = this.#connections.get(address)
    if (known) return known
    const made = this.#connect(address)
    this.#connections.set(address, made)
    made.catch(() => this.#forget(address, made))
    return made
  }

  /** The connection to an address when it is open already: for callers that cannot wait. */
  connected(address: string): RemotingConnection | undefined {
    return this.#open.get(address)
  }

  /** Closes all connections, after what is on its way out. */
  async close(): Promise<void> {
    this.#isClosed = true
    const connections = await Promise.allSettled(this.#connections.values())
    for (const connection of connections) if (connection.status === 'fulfilled') connection.value.end()
  }

  async #connect(address: string): Promise<RemotingConnection> {
    const connection = await this.#net.connect(endpointOf(address), CONNECT_TIMEOUT_MS)
    const remoting = new RemotingConnection(this.#nextId++, connection, this.#parts, () => {
      this.#connections.delete(address)
      this.#open.delete(address)
      this.#onClosed(address)
    })
    this.#open.set(address, remoting)
    this.#onConnected(address)
    return remoting
  }

  #forget(address: string, connection: Promise<RemotingConnection>): void {
    if (this.#connections.get(address) === connection) this.#connections.delete(address)
  }
}

/** @throws MqError invalidParameter when the text is not `host:port` */
export function endpointOf(address: string): Endpoint {
  const colon = address.lastIndexOf(':')
  const portText = address.slice(colon + 1)
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  if (colon < 1 || !(port <= 65_535)) {
    throw new MqError('invalidParameter', `an address wants the form host:port, not "${address}"`)
  }
  return { host, port }
}
