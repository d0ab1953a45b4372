/** Bytes of a pooled buffer: enough for the answers of a turn. */
export const POOLED_BYTES = 64 * 1024

const POOL_MAX = 64

/** Buffers that connections fill and give back when the kernel has taken their bytes: none is held by an idle connection. */
export class BufferPool {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES)
  }

  /** Buffers of another size are left to the garbage collector. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === POOLED_BYTES && this.#free.length < POOL_MAX) this.#free.push(buffer)
  }
}
