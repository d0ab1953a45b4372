/**
 * Big-endian integers at a place of a buffer, without the checks of Buffer's own methods: callers know their bounds.
 * int64 values are JavaScript numbers; what does not fit 53 bits is the caller's to refuse (`isSafeInt64`).
 */
export function putInt32(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}

export function putInt64(target: Buffer, at: number, value: number): void {
  putInt32(target, at, Math.floor(value / 4_294_967_296))
  putInt32(target, at + 4, value >>> 0)
}

export function putInt16(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 8
  target[at + 1] = value
}

/** A signed 32-bit integer. Reading past the end gives zeros for the missing bytes. */
export function int32At(source: Buffer, at: number): number {
  return (
    (byteAt(source, at) << 24) |
    (byteAt(source, at + 1) << 16) |
    (byteAt(source, at + 2) << 8) |
    byteAt(source, at + 3)
  )
}

/** A signed 64-bit integer, rounded to a double when it is beyond 2^53. */
export function int64At(source: Buffer, at: number): number {
  return int32At(source, at) * 4_294_967_296 + (int32At(source, at + 4) >>> 0)
}

export function uint16At(source: Buffer, at: number): number {
  return (byteAt(source, at) << 8) | byteAt(source, at + 1)
}

/** The byte at a place that the caller has checked. */
export function byteAt(source: Buffer, at: number): number {
  return source[at] as number
}
