/** Bytes of a large pooled buffer: enough for the answers of a turn to a client that keeps many requests outstanding. */
export const POOLED_BYTES = 64 * 1024

/** Bytes of a small one: a few answers. With hundreds of busy connections a large one each would be all that the caches hold. */
export const SMALL_BYTES = 2 * 1024

/** Bytes of a wide one: the largest answer that a pull gets by default, or several of a turn that do not go into a large one. */
export const WIDE_BYTES = 272 * 1024

const LARGE_MAX = 64
const SMALL_MAX = 1024
const WIDE_MAX = 8

/** Buffers that connections fill and give back when the kernel has taken their bytes: none is held by an idle connection. */
export class BufferPool {
  readonly #large: Buffer[] = []
  readonly #small: Buffer[] = []
  readonly #wide: Buffer[] = []

  /** @returns a buffer of at least so many bytes */
  take(bytes: number): Buffer {
    if (bytes <= SMALL_BYTES) return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES)
    if (bytes <= POOLED_BYTES) return this.#large.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES)
    if (bytes <= WIDE_BYTES) return this.#wide.pop() ?? Buffer.allocUnsafeSlow(WIDE_BYTES)
    return Buffer.allocUnsafeSlow(bytes)
  }

  /** Buffers of another size are left to the garbage collector. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === POOLED_BYTES && this.#large.length < LARGE_MAX) this.#large.push(buffer)
    else if (buffer.length === SMALL_BYTES && this.#small.length < SMALL_MAX) this.#small.push(buffer)
    else if (buffer.length === WIDE_BYTES && this.#wide.length < WIDE_MAX) this.#wide.push(buffer)
  }
}
