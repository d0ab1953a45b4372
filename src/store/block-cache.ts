/** A stretch of a file read into memory. */
export interface Block {
  readonly buffer: Buffer
  /** Bytes that are there; fewer than the buffer has when the file was still growing. */
  readonly bytes: number
}

interface Loading {
  readonly done: Promise<Block>
}

/** Buffers of dropped blocks that are kept for the next ones of their size at most. */
const SPARES_MAX = 8

/**
 * Blocks of cold files, the most recently used up to `bytesMax`. A block is read once however many ask for it; readers
 * find blocks by number, so that a pull that hits makes no promise and no string. What `find` gives holds for the turn: a block that
 * is dropped leaves its buffer to the next one, as new memory for each would cost more than the read (page faults, collections).
 */
export class BlockCache {
  readonly #bytesMax: number
  /** In the order of use, the oldest first. */
  readonly #blocks = new Map<number, Block>()
  readonly #loading = new Map<number, Loading>()
  /** By their size: blocks of the log and of queues come and go at different rates. */
  readonly #spares = new Map<number, Buffer[]>()
  #bytes = 0
  /** The block used last: a pull finds most of its messages in one. */
  #last: Block | undefined
  #lastKey = -1

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  find(key: number): Block | undefined {
    if (key === this.#lastKey) return this.#last
    const block = this.#blocks.get(key)
    if (block === undefined) return undefined
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    this.#last = block
    this.#lastKey = key
    return block
  }

  /** Reads the block with `read` unless that is under way, in place of one that may be there. @throws the reader's error */
  async load(key: number, bytes: number, read: (target: Buffer) => Promise<number>): Promise<Block> {
    const loading = this.#loading.get(key)
    if (loading) return loading.done
    const done = this.#read(key, bytes, read)
    this.#loading.set(key, { done })
    try {
      return await done
    } finally {
      this.#loading.delete(key)
    }
  }

  /** As `load`, on the event loop. @throws the reader's error */
  loadSync(key: number, bytes: number, read: (target: Buffer) => number): Block {
    const buffer = this.#bufferOf(bytes)
    return this.#keep(key, { buffer, bytes: read(buffer) })
  }

  /** Whether the block is there or on its way. */
  has(key: number): boolean {
    return this.#blocks.has(key) || this.#loading.has(key)
  }

  clear(): void {
    this.#blocks.clear()
    this.#bytes = 0
    this.#lastKey = -1
    this.#last = undefined
  }

  async #read(key: number, bytes: number, read: (target: Buffer) => Promise<number>): Promise<Block> {
    const buffer = this.#bufferOf(bytes)
    return this.#keep(key, { buffer, bytes: await read(buffer) })
  }

  #keep(key: number, block: Block): Block {
    this.#remove(key)
    this.#blocks.set(key, block)
    this.#bytes += block.buffer.length
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break
      this.#remove(oldest)
    }
    return block
  }

  #bufferOf(bytes: number): Buffer {
    return this.#spares.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes)
  }

  #spare(buffer: Buffer): void {
    const spares = this.#spares.get(buffer.length)
    if (!spares) this.#spares.set(buffer.length, [buffer])
    else if (spares.length < SPARES_MAX) spares.push(buffer)
  }

  #remove(key: number): void {
    const block = this.#blocks.get(key)
    if (!block) return
    this.#blocks.delete(key)
    this.#bytes -= block.buffer.length
    this.#spare(block.buffer)
    if (key !== this.#lastKey) return
    this.#lastKey = -1
    this.#last = undefined
  }
}
