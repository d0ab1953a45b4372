import { randomBytes, randomFillSync } from 'node:crypto'
import type { Random } from '../host.ts'

const POOL_BYTES = 4096

/** Random numbers of the operating system. All forks are one stream: nothing can be replayed anyway. */
export class RealRandom implements Random {
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #at = POOL_BYTES

  u32(): number {
    if (this.#at === POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    const value = this.#pool.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  bytes(count: number): Buffer {
    return randomBytes(count)
  }

  fork(_label: string): Random {
    return this
  }
}
