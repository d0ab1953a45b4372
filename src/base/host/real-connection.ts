import type { Socket } from 'node:net'
import type { Connection, ConnectionEvents, Endpoint } from '../host.ts'
import type { LentReads } from './lent-reads.ts'

/**
 * How long after its own end a connection waits for the peer's, so that the peer can read what was sent last.
 */
export const LINGER_MS = 1000

/** A connection over a `node:net` socket. */
export class RealConnection implements Connection {
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly #socket: Socket
  readonly #reads: LentReads | undefined
  #events: ConnectionEvents | undefined
  #error: Error | undefined
  /** What came while it is paused. */
  #held: Buffer | undefined
  #isPaused = false
  #isEnded = false
  #isClosed = false
  #owesDrained = false

  /**
   * @param socket connected, with nothing read from it yet
   * @param reads how it reads, where it does not emit its data
   */
  constructor(socket: Socket, reads?: LentReads) {
    this.#socket = socket
    this.#reads = reads
    this.remote = { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 }
    this.local = { host: plainAddress(socket.localAddress), port: socket.localPort ?? 0 }
    socket.pause()
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#events?.closed(this.#error)
    })
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    if (this.#isClosed) {
      queueMicrotask(() => events.closed(this.#error))
      return
    }
    if (this.#reads) this.#reads.receiver = this.#take
    this.#socket.on('data', this.#take)
    this.#socket.resume()
    if (this.#owesDrained) queueMicrotask(() => this.#onWritten())
  }

  write(bytes: Buffer): boolean {
    if (this.#isEnded || !this.#socket.writable) return true
    // Node calls back later even when the kernel took the bytes at once; the length tells now.
    this.#socket.write(bytes, this.#onWritten)
    if (this.#socket.writableLength === 0) return true
    this.#owesDrained = true
    return false
  }

  pause(): void {
    if (this.#isEnded) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#events) return
    this.#isPaused = false
    const held = this.#held
    this.#held = undefined
    if (held) this.#take(held)
    if (!this.#isPaused) this.#socket.resume()
  }

  end(): void {
    if (this.#isEnded || this.#socket.destroyed) return
    this.#isEnded = true
    // Unread input would turn the close into a reset, which may overtake what was sent: read on and drop it.
    this.#socket.resume()
    this.#socket.end(() => {
      const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
      this.#socket.once('close', () => clearTimeout(linger))
    })
  }

  destroy(): void {
    this.#isEnded = true
    this.#owesDrained = false
    this.#socket.destroy()
  }

  /** @returns whether it takes more */
  readonly #take = (chunk: Buffer): boolean => {
    if (this.#isEnded) return true
    // a socket that was resumed in this turn may read once more after its pause
    if (this.#isPaused) this.#held = Buffer.from(chunk)
    else this.#events?.data(chunk)
    return !this.#isPaused
  }

  readonly #onWritten = (): void => {
    if (!this.#owesDrained || !this.#events || this.#isClosed || this.#socket.writableLength > 0) return
    this.#owesDrained = false
    this.#events.drained()
  }
}

/** An IPv4 peer of a socket that listens on `::` shows up as `::ffff:1.2.3.4`. */
function plainAddress(address = ''): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
