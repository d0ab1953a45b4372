import type { Random } from '../host.ts'

/**
 * An integer from 0 to `count` - 1; `count` up to 2^32. Slightly uneven for a `count` that is no power of
 * two.
 */
export function below(random: Random, count: number): number {
  return Math.floor(fraction(random) * count)
}

/** A number from 0 up to, not including, 1. */
export function fraction(random: Random): number {
  return random.u32() / 0x1_0000_0000
}
