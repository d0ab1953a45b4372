import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Connection, ConnectionEvents, Endpoint } from '../host.ts'
import { RealConnection } from './real-connection.ts'

/** First byte of a TLS handshake. A RocketMQ frame begins with that of a length below 16 MiB, 0 or 1. */
const TLS_HANDSHAKE = 0x16

/** What a connection needs to become one of TLS. */
export interface Sniffing {
  readonly mayBePlain: boolean
  /** Begins the handshake on the socket, and calls `isSecured` after it. */
  secure(connection: SniffedConnection): void
}

/**
 * An accepted connection that tells by its first byte whether it speaks TLS. It is there from the beginning, so that its owner
 * counts it and ends it when it stays silent; what is written before it is clear how to send it waits.
 */
export class SniffedConnection implements Connection {
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly #socket: Socket
  readonly #sniffing: Sniffing
  /** The socket as it came: it gives the addresses, and takes over when the connection is plain. */
  readonly #plain: RealConnection
  #inner: RealConnection | undefined
  #events: ConnectionEvents | undefined
  #waiting: Buffer[] = []
  #isPaused = false
  #isEnded = false
  #isClosed = false

  constructor(socket: Socket, sniffing: Sniffing) {
    this.#socket = socket
    this.#sniffing = sniffing
    this.#plain = new RealConnection(socket)
    this.remote = this.#plain.remote
    this.local = this.#plain.local
    socket.once('data', this.#firstChunk)
    socket.once('close', this.#closedEarly)
    socket.resume()
  }

  get bufferedBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, this.#inner?.bufferedBytes ?? 0)
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    if (this.#inner) this.#startInner(this.#inner, events)
    else if (this.#isClosed) queueMicrotask(() => events.closed(undefined))
  }

  /** The handshake is done. */
  isSecured(socket: TLSSocket): void {
    this.#begin(new RealConnection(socket))
  }

  write(bytes: Buffer): boolean {
    if (this.#inner && this.#waiting.length === 0) return this.#inner.write(bytes)
    if (this.#isEnded) return true
    this.#waiting.push(bytes)
    return false
  }

  pause(): void {
    this.#isPaused = true
    this.#inner?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#inner?.resume()
  }

  end(): void {
    this.#isEnded = true
    if (this.#inner) this.#inner.end()
    else this.#socket.destroy()
  }

  destroy(): void {
    this.#isEnded = true
    if (this.#inner) this.#inner.destroy()
    else this.#socket.destroy()
  }

  readonly #firstChunk = (chunk: Buffer): void => {
    this.#socket.pause()
    if (this.#isEnded) return
    const isTls = chunk[0] === TLS_HANDSHAKE
    if (isTls || this.#sniffing.mayBePlain) this.#socket.unshift(chunk)
    if (isTls) this.#sniffing.secure(this)
    else if (this.#sniffing.mayBePlain) this.#begin(this.#plain)
    else this.#socket.destroy()
  }

  readonly #closedEarly = (): void => {
    this.#isClosed = true
    this.#isEnded = true
    this.#events?.closed(undefined)
  }

  #begin(inner: RealConnection): void {
    this.#inner = inner
    this.#socket.off('close', this.#closedEarly)
    if (this.#events) this.#startInner(inner, this.#events)
  }

  #startInner(inner: RealConnection, events: ConnectionEvents): void {
    const hasWaited = this.#waiting.length > 0
    for (const bytes of this.#waiting) inner.write(bytes)
    this.#waiting = []
    inner.start(events)
    if (this.#isPaused) inner.pause()
    // `write` has promised a `drained`; where the kernel took all at once, `inner` owes none
    if (hasWaited && inner.bufferedBytes === 0) queueMicrotask(() => events.drained())
  }
}
