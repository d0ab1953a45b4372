/** A piece of the log's tail in memory: bytes of one CommitLog file, from `base` on. */
export interface TailChunk {
  readonly buffer: Buffer
  /** Log offset of its first byte. */
  readonly base: number
  /** Bytes in use. */
  used: number
}

/** Bytes of an ordinary chunk; a larger message gets one of its own. */
export const TAIL_CHUNK_BYTES = 1024 * 1024

/**
 * The newest bytes of the log, in a row of chunks: messages are encoded here in place, written to disk from here, and read
 * from here by consumers that keep up. Memory is taken as it is used and kept for reuse up to `bytesMax`.
 */
export class TailMemory {
  readonly #bytesMax: number
  /** Oldest first; each follows the one before but for the unused rest of a file. */
  readonly #chunks: TailChunk[] = []
  #bytes = 0
  #spare: Buffer | undefined

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get newest(): TailChunk | undefined {
    return this.#chunks.at(-1)
  }

  /** Bytes of all chunks. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Begins a chunk at log offset `base` with room for at least `bytes`.
   * @param writtenEnd log offset up to which the kernel has the bytes: only what lies wholly before it may be forgotten
   */
  begin(base: number, bytes: number, writtenEnd: number): TailChunk {
    this.#forget(writtenEnd)
    const capacity = Math.max(bytes, TAIL_CHUNK_BYTES)
    const spare = this.#spare?.length === capacity ? this.#spare : undefined
    if (spare) this.#spare = undefined
    const chunk = { buffer: spare ?? Buffer.allocUnsafeSlow(capacity), base, used: 0 }
    this.#chunks.push(chunk)
    this.#bytes += capacity
    return chunk
  }

  /** The chunk that holds the byte at this log offset. */
  find(offset: number): TailChunk | undefined {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i] as TailChunk
      if (chunk.base <= offset) return offset < chunk.base + chunk.used ? chunk : undefined
    }
    return undefined
  }

  /** Chunks with bytes between two log offsets, oldest first. */
  between(from: number, end: number): TailChunk[] {
    // mostly the newest alone
    let first = this.#chunks.length
    for (let chunk = this.newest; chunk && chunk.base + chunk.used > from; chunk = this.#chunks[first - 1])
      first--
    return this.#chunks.slice(first).filter(({ base }) => base < end)
  }

  /** Takes back everything from `offset` on. */
  rollBack(offset: number): void {
    let newest = this.newest
    while (newest && newest.base >= offset && this.#chunks.length > 1) {
      this.#chunks.pop()
      this.#bytes -= newest.buffer.length
      newest = this.newest
    }
    if (newest) newest.used = Math.min(newest.used, Math.max(0, offset - newest.base))
  }

  /** Forgets all. */
  clear(): void {
    this.#chunks.length = 0
    this.#bytes = 0
  }

  #forget(writtenEnd: number): void {
    for (;;) {
      const oldest = this.#chunks[0]
      if (!oldest || this.#bytes + TAIL_CHUNK_BYTES <= this.#bytesMax) return
      if (oldest.base + oldest.used > writtenEnd) return
      this.#chunks.shift()
      this.#bytes -= oldest.buffer.length
      if (oldest.buffer.length === TAIL_CHUNK_BYTES) this.#spare = oldest.buffer
    }
  }
}
