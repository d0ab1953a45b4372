import type { Connection } from '../base/host.ts'
import { type BufferPool, POOLED_BYTES } from './buffer-pool.ts'

/** What a connection is about to send: filled during a turn, handed over at its end in as few writes as there are buffers. */
export class Output {
  /** Where the next bytes go, after `reserve`. */
  buffer: Buffer = NONE
  /** End of what stands in `buffer`; writers move it. */
  at = 0
  readonly #pool: BufferPool
  /** Buffers that are full, in order. */
  #full: Buffer[] = []
  #fullBytes = 0

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  /** What stands here, waiting for the end of the turn. */
  get bytes(): number {
    return this.#fullBytes + this.at
  }

  /** Makes sure that `buffer` has room for so many bytes from `at` on. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    if (this.at > 0) {
      this.#full.push(this.buffer.subarray(0, this.at))
      this.#fullBytes += this.at
    } else if (this.buffer.length > 0) this.#pool.giveBack(this.buffer)
    this.buffer = bytes <= POOLED_BYTES ? this.#pool.take() : Buffer.allocUnsafeSlow(bytes)
    this.at = 0
  }

  append(bytes: Buffer): void {
    this.reserve(bytes.length)
    bytes.copy(this.buffer, this.at)
    this.at += bytes.length
  }

  /** Hands all to the connection. */
  flush(connection: Connection): void {
    for (const full of this.#full) connection.write(full)
    if (this.#full.length > 0) this.#full = []
    this.#fullBytes = 0
    const { buffer, at } = this
    this.buffer = NONE
    this.at = 0
    if (at === 0) return
    if (connection.write(buffer.subarray(0, at))) this.#pool.giveBack(buffer)
  }
}

const NONE = Buffer.alloc(0)
