import type { Connection } from '../base/host.ts'
import { type BufferPool, POOLED_BYTES, SMALL_BYTES, WIDE_BYTES } from './buffer-pool.ts'

/**
 * What a connection is about to send: filled during a turn, handed over at its end in as few writes as there are buffers. Each buffer
 * goes back to the pool once the kernel has its bytes: left to the collector, those of a busy connection would keep it busy too.
 */
export class Output {
  /** Where the next bytes go, after `reserve`. */
  buffer: Buffer = NONE
  /** End of what stands in `buffer`; writers move it. */
  at = 0
  readonly #pool: BufferPool
  /** Buffers that are full, in order, and where their bytes end. */
  readonly #full: Buffer[] = []
  readonly #fullEnds: number[] = []
  #fullBytes = 0
  /** Buffers that were handed over and that the kernel has not taken. */
  readonly #unsent: Buffer[] = []

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  /** What stands here, waiting for the end of the turn. */
  get bytes(): number {
    return this.#fullBytes + this.at
  }

  /** Makes sure that `buffer` has room for so many bytes from `at` on. */
  reserve(bytes: number): void {
    const { at, buffer } = this
    if (at + bytes <= buffer.length) return
    if (buffer.length === SMALL_BYTES && at + bytes <= POOLED_BYTES) {
      // a second write costs more than to copy what is still little
      this.buffer = this.#pool.take(POOLED_BYTES)
      buffer.copy(this.buffer, 0, 0, at)
      this.#pool.giveBack(buffer)
      return
    }
    if (at > 0) {
      this.#full.push(buffer)
      this.#fullEnds.push(at)
      this.#fullBytes += at
    } else if (buffer.length > 0) this.#pool.giveBack(buffer)
    // what a turn has beyond a large buffer is mostly several answers more, which leave in one write
    this.buffer = this.#pool.take(buffer.length < POOLED_BYTES ? bytes : Math.max(bytes, WIDE_BYTES))
    this.at = 0
  }

  append(bytes: Buffer): void {
    this.reserve(bytes.length)
    bytes.copy(this.buffer, this.at)
    this.at += bytes.length
  }

  /** Hands all to the connection. */
  flush(connection: Pick<Connection, 'write'>): void {
    for (let i = 0; i < this.#full.length; i++) {
      this.#write(connection, this.#full[i] as Buffer, this.#fullEnds[i] as number)
    }
    this.#full.length = 0
    this.#fullEnds.length = 0
    this.#fullBytes = 0
    const { buffer, at } = this
    this.buffer = NONE
    this.at = 0
    if (at > 0) this.#write(connection, buffer, at)
  }

  /** The kernel has all that was handed over. */
  drained(): void {
    for (const buffer of this.#unsent) this.#pool.giveBack(buffer)
    this.#unsent.length = 0
  }

  #write(connection: Pick<Connection, 'write'>, buffer: Buffer, end: number): void {
    if (connection.write(buffer.subarray(0, end))) this.#pool.giveBack(buffer)
    else this.#unsent.push(buffer)
  }
}

const NONE = Buffer.alloc(0)
