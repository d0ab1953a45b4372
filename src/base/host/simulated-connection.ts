import type { Clock, Connection, ConnectionEvents, Endpoint, Timer } from '../host.ts'
import { errnoError } from './errno-error.ts'
import { LINGER_MS } from './real-connection.ts'

/** How often TCP tries a path again that does not answer, roughly. */
export const RETRY_MS = 1000

/** What a chunk is overwritten with when the call that it was lent for has returned. */
const TAKEN_BACK = 0xdb

/** What a connection asks of its network. */
export interface Link {
  readonly clock: Clock
  /** Bytes that the kernels of both ends hold for one direction. */
  readonly bufferBytesMax: number
  /** When something that leaves now arrives, unless the path is cut. */
  arrivalMs(): number
  isCut(from: string, to: string): boolean
  /** The pieces in which a write travels. */
  pieces(bytes: Buffer): Buffer[]
  /** The one who no longer takes part. */
  closed(connection: SimulatedConnection): void
}

/** Bytes on their way to an end of a connection, or the end of the stream. */
interface Parcel {
  readonly bytes: Buffer | undefined
  readonly atMs: number
}

/**
 * One end of a connection in a `SimulatedNetwork`. What its peer writes waits here until it has arrived, the
 * path is open and the owner reads; the peer's write is with the kernel while no more than `bufferBytesMax`
 * wait.
 */
export class SimulatedConnection implements Connection {
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly #link: Link
  readonly #incoming: Parcel[] = []
  #incomingBytes = 0
  #peer: SimulatedConnection | undefined
  #events: ConnectionEvents | undefined
  #error: Error | undefined
  #timer: Timer | undefined
  #linger: Timer | undefined
  #isBreaking = false
  #isPaused = false
  #isEnded = false
  #isClosed = false
  #owesDrained = false

  constructor(link: Link, local: Endpoint, remote: Endpoint) {
    this.#link = link
    this.local = local
    this.remote = remote
  }

  /** The two ends of a new connection. */
  static pair(link: Link, client: Endpoint, server: Endpoint): [SimulatedConnection, SimulatedConnection] {
    const near = new SimulatedConnection(link, client, server)
    const far = new SimulatedConnection(link, server, client)
    near.#peer = far
    far.#peer = near
    return [near, far]
  }

  get bufferedBytes(): number {
    return this.#peer ? Math.max(0, this.#peer.#incomingBytes - this.#link.bufferBytesMax) : 0
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    if (this.#isClosed) this.#link.clock.after(0, () => events.closed(this.#error))
    else this.pump()
    this.#noteDrained()
  }

  write(bytes: Buffer): boolean {
    if (this.#isEnded || !this.#peer) return true
    if (this.#peer.#isClosed) {
      this.#break()
      return true
    }
    for (const piece of this.#link.pieces(bytes)) this.#peer.#take(Buffer.from(piece))
    if (this.bufferedBytes === 0) return true
    this.#owesDrained = true
    return false
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.pump()
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#sendEnd()
    // What still comes in is read and dropped, as the real one does.
    this.pump()
    if (!this.#isClosed) this.#linger = this.#link.clock.after(LINGER_MS, () => this.destroy())
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#dropUnsent()
    this.#sendEnd()
    this.#close(undefined)
  }

  /** The network breaks the connection: `keepBytes` of what is under way still arrive, at once. */
  reset(keepBytes: number): void {
    if (this.#isClosed) return
    this.#dropFromEnd(Math.max(0, this.#incomingBytes - keepBytes))
    const bytes = Buffer.concat(this.#incoming.map((parcel) => parcel.bytes ?? Buffer.alloc(0)))
    if (bytes.length > 0 && this.#isReading && !this.#isEnded) this.#lend(bytes)
    this.#close(errnoError('ECONNRESET', 'read', `${this.remote.host}:${this.remote.port}`))
  }

  /**
   * Nobody is at the other end any more: this one hears so after the way there and back, once the path is
   * open.
   */
  #break(): void {
    if (this.#isBreaking) return
    this.#isBreaking = true
    const wayMs = this.#link.arrivalMs() - this.#link.clock.monoMs()
    const hear = (): void => {
      if (this.#link.isCut(this.remote.host, this.local.host)) this.#link.clock.after(RETRY_MS, hear)
      else this.reset(0)
    }
    this.#link.clock.after(2 * wayMs, hear)
  }

  /** The process of this end is gone: its kernel closes, and nobody hears of it here. */
  abandon(): void {
    this.#events = undefined
    this.destroy()
  }

  /**
   * Delivers what has arrived, when the owner reads and the path is open; arms the timer for what comes next.
   */
  pump(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const [next] = this.#incoming
    if (!next || !this.#isReading || this.#link.isCut(this.remote.host, this.local.host)) return
    const waitMs = next.atMs - this.#link.clock.monoMs()
    this.#timer = this.#link.clock.after(Math.max(0, waitMs), () => this.#deliver())
  }

  /** Gives a chunk for the time of the call; who keeps it finds other bytes in it afterwards. */
  #lend(chunk: Buffer): void {
    this.#events?.data(chunk)
    chunk.fill(TAKEN_BACK)
  }

  get #isReading(): boolean {
    return !this.#isClosed && (this.#isEnded || (this.#events !== undefined && !this.#isPaused))
  }

  #deliver(): void {
    const nowMs = this.#link.clock.monoMs()
    const chunks: Buffer[] = []
    for (let next = this.#incoming[0]; next?.bytes && next.atMs <= nowMs; next = this.#incoming[0]) {
      chunks.push(next.bytes)
      this.#incoming.shift()
      this.#incomingBytes -= next.bytes.length
    }
    if (chunks.length > 0) {
      if (!this.#isEnded) this.#lend(Buffer.concat(chunks))
      if (this.#peer) this.#peer.#noteDrained()
    } else if (this.#incoming[0] && this.#incoming[0].atMs <= nowMs) {
      this.#peerEnded()
    }
    this.pump()
  }

  /** Half-closed counts as closed: what we have written still goes out, then our end follows. */
  #peerEnded(): void {
    if (!this.#isEnded) this.#sendEnd()
    this.#close(undefined)
  }

  #sendEnd(): void {
    if (this.#peer) this.#peer.#take(undefined)
  }

  #dropUnsent(): void {
    if (this.#peer) this.#peer.#dropFromEnd(this.bufferedBytes)
  }

  #take(bytes: Buffer | undefined): void {
    if (this.#isClosed) return
    // Bytes never overtake each other.
    const atMs = Math.max(this.#link.arrivalMs(), this.#incoming.at(-1)?.atMs ?? 0)
    this.#incoming.push({ bytes, atMs })
    this.#incomingBytes += bytes?.length ?? 0
    if (this.#incoming.length === 1) this.pump()
  }

  #dropFromEnd(count: number): void {
    for (let left = count; left > 0; ) {
      const last = this.#incoming.pop()
      if (!last) return
      const length = last.bytes?.length ?? 0
      this.#incomingBytes -= Math.min(left, length)
      if (last.bytes && length > left) {
        this.#incoming.push({ bytes: last.bytes.subarray(0, length - left), atMs: last.atMs })
      }
      left -= length
    }
  }

  #noteDrained(): void {
    if (!this.#owesDrained || !this.#events || this.bufferedBytes > 0) return
    this.#owesDrained = false
    this.#link.clock.after(0, () => {
      if (!this.#isClosed) this.#events?.drained()
    })
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isEnded = true
    this.#isClosed = true
    this.#error = error
    this.#timer?.cancel()
    this.#linger?.cancel()
    this.#incoming.length = 0
    this.#incomingBytes = 0
    this.#link.closed(this)
    const events = this.#events
    if (events) this.#link.clock.after(0, () => events.closed(error))
  }
}
