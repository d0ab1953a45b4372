/** Ranges of buffers that together are one run of bytes: the messages of a pull, where they stand in memory. */
export class SliceList {
  readonly buffers: Buffer[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  count = 0
  bytes = 0

  clear(): void {
    // buffers are let go, so that a chunk of the tail is not held by the last pull
    this.buffers.length = 0
    this.count = 0
    this.bytes = 0
  }

  /** Adds a range, as part of the last one when it follows it. */
  add(buffer: Buffer, start: number, end: number): void {
    const last = this.count - 1
    this.bytes += end - start
    if (last >= 0 && this.buffers[last] === buffer && this.ends[last] === start) {
      this.ends[last] = end
      return
    }
    this.buffers[this.count] = buffer
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count++
  }

  /** Takes back everything behind the first `count` slices, the last of which ends at `end`. */
  cutTo(count: number, end: number, bytes: number): void {
    this.count = count
    this.buffers.length = count
    if (count > 0) this.ends[count - 1] = end
    this.bytes = bytes
  }

  /** Whether the last `bytes` stand together, at the end of the last slice. */
  isLastWhole(bytes: number): boolean {
    const last = this.count - 1
    return (this.ends[last] as number) - (this.starts[last] as number) >= bytes
  }

  /** A copy of the last `bytes`. */
  copyOfLast(bytes: number): Buffer {
    const copy = Buffer.allocUnsafe(bytes)
    let to = bytes
    for (let i = this.count - 1; to > 0; i--) {
      const end = this.ends[i] as number
      const start = Math.max(this.starts[i] as number, end - to)
      to -= end - start
      this.buffers[i]?.copy(copy, to, start, end)
    }
    return copy
  }

  /** Copies all bytes to `target`. @returns their end */
  copyTo(target: Buffer, at: number): number {
    let to = at
    for (let i = 0; i < this.count; i++) {
      const buffer = this.buffers[i] as Buffer
      to += buffer.copy(target, to, this.starts[i], this.ends[i])
    }
    return to
  }
}
