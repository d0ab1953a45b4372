import { createHash } from 'node:crypto'
import type { Random } from '../host.ts'

/**
 * Random numbers that a seed repeats: the generator sfc32 (PractRand), its state taken from a hash of the
 * seed. A fork depends on the seed and the labels on the way to it alone, not on how many numbers were drawn
 * before.
 */
export class SeededRandom implements Random {
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    this.#name = String(seed)
    const state = createHash('sha256').update(this.#name).digest()
    this.#a = state.readUInt32LE(0)
    this.#b = state.readUInt32LE(4)
    this.#c = state.readUInt32LE(8)
  }

  u32(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) >>> 0
    return result
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at++) bytes[at] = this.u32() >>> 24
    return bytes
  }

  fork(label: string): SeededRandom {
    // The length keeps fork('a').fork('b') apart from fork('a/b').
    return new SeededRandom(`${this.#name}/${label.length}:${label}`)
  }
}
