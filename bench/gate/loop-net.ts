import type { Connection, ConnectionEvents, Endpoint, Listener, Net } from '#ternmq/base/host.ts'

const HERE: Endpoint = { host: '127.0.0.1', port: 1 }

/** A connection within the process: what a load feeds in arrives at once, what the broker answers is only counted. */
export class LoopConnection implements Connection {
  readonly local = HERE
  readonly remote = HERE
  readonly bufferedBytes = 0
  /** Bytes that the broker has written. */
  writtenBytes = 0
  #events: ConnectionEvents | undefined

  feed(chunk: Buffer): void {
    this.#events?.data(chunk)
  }

  start(events: ConnectionEvents): void {
    this.#events = events
  }

  write(bytes: Buffer): boolean {
    this.writtenBytes += bytes.length
    return true
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy()
  }

  destroy(): void {
    const events = this.#events
    this.#events = undefined
    events?.closed(undefined)
  }
}

/** The net of such connections: no kernel, so that nothing is measured but the broker. */
export class LoopNet implements Net {
  readonly #listeners: ((connection: Connection) => void)[] = []

  async listen(_at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    this.#listeners.push(onConnection)
    return { endpoint: HERE, close: async () => undefined }
  }

  async connect(): Promise<Connection> {
    throw new Error('nobody is reached from here')
  }

  secured(): Net {
    return this
  }

  /** A connection to what has listened first. */
  open(): LoopConnection {
    const connection = new LoopConnection()
    this.#listeners[0]?.(connection)
    return connection
  }
}
