import { MqError } from '../errors.ts'
import type { Connection, ConnectionEvents, Endpoint, Listener, Net } from '../host.ts'

/**
 * A network that knows whether anything is on its way between those who use it: a test that moves time waits
 * for that first.
 */
export class WatchedNet implements Net {
  /** Grows with everything that happens. */
  activity = 0
  /** Bytes written to somebody in another process. */
  outsideBytes = 0
  /** Bytes that are on their way from one user to another. */
  inFlightBytes = 0
  connecting = 0
  readonly #net: Net
  /** Open connections by their own and the other address. */
  readonly #open = new Map<string, WatchedConnection>()

  constructor(net: Net) {
    this.#net = net
  }

  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    return this.#net.listen(at, (connection) => onConnection(this.#watch(connection)))
  }

  async connect(to: Endpoint, timeoutMs: number): Promise<Connection> {
    this.connecting++
    try {
      return this.#watch(await this.#net.connect(to, timeoutMs))
    } finally {
      this.connecting--
      this.activity++
    }
  }

  secured(): Net {
    throw new MqError('notSupported', 'there is no TLS in a watched network')
  }

  /** The other end, when it is one of ours. */
  peerOf({ local, remote }: Connection): WatchedConnection | undefined {
    return this.#open.get(keyOf(remote, local))
  }

  forget({ local, remote }: Connection): void {
    this.activity++
    this.#open.delete(keyOf(local, remote))
  }

  #watch(connection: Connection): WatchedConnection {
    this.activity++
    const watched = new WatchedConnection(connection, this)
    this.#open.set(keyOf(connection.local, connection.remote), watched)
    return watched
  }
}

/** One end of a connection, which notes what goes through it. */
class WatchedConnection implements Connection {
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly #connection: Connection
  readonly #net: WatchedNet
  /** Bytes that the other end has written and this one has not read. */
  #unreadBytes = 0

  constructor(connection: Connection, net: WatchedNet) {
    this.#connection = connection
    this.#net = net
    this.remote = connection.remote
    this.local = connection.local
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes
  }

  start(events: ConnectionEvents): void {
    this.#connection.start({
      data: (chunk) => {
        this.#net.activity++
        this.#expect(-Math.min(chunk.length, this.#unreadBytes))
        events.data(chunk)
      },
      drained: () => events.drained(),
      closed: (error) => {
        this.#expect(-this.#unreadBytes)
        this.#net.forget(this)
        events.closed(error)
      },
    })
  }

  write(bytes: Buffer): boolean {
    this.#net.activity++
    const peer = this.#net.peerOf(this)
    if (peer) peer.#expect(bytes.length)
    else this.#net.outsideBytes += bytes.length
    return this.#connection.write(bytes)
  }

  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  end(): void {
    this.#net.activity++
    this.#connection.end()
  }

  destroy(): void {
    this.#net.activity++
    this.#connection.destroy()
  }

  #expect(bytes: number): void {
    this.#unreadBytes += bytes
    this.#net.inFlightBytes += bytes
  }
}

function keyOf(local: Endpoint, remote: Endpoint): string {
  return `${local.host}:${local.port} ${remote.host}:${remote.port}`
}
