/** A stretch of a file read into memory. */
export interface Block {
  readonly buffer: Buffer
  /** Bytes that are there; fewer than the buffer has when the file was still growing. */
  readonly bytes: number
}

interface Loading {
  readonly done: Promise<Block>
}

/**
 * Blocks of cold files, the most recently used up to `bytesMax`. A block is read once however many ask for it; readers
 * find blocks by number, so that a pull that hits makes no promise and no string.
 */
export class BlockCache {
  readonly #bytesMax: number
  /** In the order of use, the oldest first. */
  readonly #blocks = new Map<number, Block>()
  readonly #loading = new Map<number, Loading>()
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
    const buffer = Buffer.allocUnsafeSlow(bytes)
    const block = { buffer, bytes: await read(buffer) }
    this.#remove(key)
    this.#blocks.set(key, block)
    this.#bytes += bytes
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break
      this.#remove(oldest)
    }
    return block
  }

  #remove(key: number): void {
    const block = this.#blocks.get(key)
    if (!block) return
    this.#blocks.delete(key)
    this.#bytes -= block.buffer.length
    if (key !== this.#lastKey) return
    this.#lastKey = -1
    this.#last = undefined
  }
}
