/** Above this many bytes the call of `Buffer.copy` (90 ns, whatever the length) is cheaper than a loop. */
const LOOP_BYTES_MAX = 192

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * A buffer with its DataView, kept until another buffer is looked at. Hot loops go over bytes by it, four at a time: V8 makes one instruction
 * of a DataView's reads and writes, where each byte of a Buffer costs as much (128 bytes are copied in 60 ns instead of 230).
 */
export class ByteView {
  buffer = EMPTY
  view = viewOf(EMPTY)

  of(buffer: Buffer): DataView {
    if (buffer !== this.buffer) {
      this.buffer = buffer
      // what came from a socket is looked at here and there, one after the other
      if (newest.buffer === buffer) this.view = newest.view
      else this.view = newest.view = viewOf(buffer)
      newest.buffer = buffer
    }
    return this.view
  }
}

/** What any of them has been given last. */
const newest = { buffer: EMPTY, view: viewOf(EMPTY) }

/**
 * Copies `[from, end)` of one buffer to `at` in another, which has room for it.
 * @returns the end of what was written
 */
export function copyBytes(target: ByteView, at: number, source: ByteView, from: number, end: number): number {
  const bytes = end - from
  if (bytes > LOOP_BYTES_MAX) {
    source.buffer.copy(target.buffer, at, from, end)
    return at + bytes
  }
  const into = target.view
  const outOf = source.view
  let done = 0
  for (; done + 4 <= bytes; done += 4) into.setInt32(at + done, outOf.getInt32(from + done))
  for (; done < bytes; done++) into.setUint8(at + done, outOf.getUint8(from + done))
  return at + bytes
}

/** As `putInt64`, into a view. */
export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 4_294_967_296))
  view.setInt32(at + 4, value >>> 0)
}

/** A DataView of a buffer. */
export function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}
