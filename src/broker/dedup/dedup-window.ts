/** The keyed messages of a stretch of the log. */
export interface DedupSegment {
  /** Where the stretch begins and ends. */
  readonly from: number
  end: number
  /** When its last message was stored, in ms since 1970. */
  lastMs: number
  readonly hashes: number[]
  /** Where the messages lie, by index in `hashes`. */
  readonly offsets: number[]
}

/**
 * Which keys were used of late, and where their messages lie: two numbers a message, in segments that are forgotten whole. Pure: the time
 * and the log's positions come with each call. A hash that two keys share is for the caller to find out, by the message.
 */
export class DedupWindow {
  readonly #offsets = new Map<number, number>()
  readonly #closed: DedupSegment[] = []
  #open: DedupSegment

  /** @param from where the log goes on */
  constructor(from: number) {
    this.#open = newSegment(from)
  }

  /** Keys that are known. */
  get count(): number {
    return this.#offsets.size
  }

  /** The stretch that is not closed yet. */
  get open(): Readonly<DedupSegment> {
    return this.#open
  }

  find(hash: number): number | undefined {
    return this.#offsets.get(hash)
  }

  add(hash: number, offset: number, storedMs: number): void {
    const { hashes, offsets } = this.#open
    hashes.push(hash)
    offsets.push(offset)
    this.#open.lastMs = Math.max(this.#open.lastMs, storedMs)
    this.#offsets.set(hash, offset)
  }

  /** Adds a segment that was closed in an earlier run, older than what comes after. */
  restore(segment: DedupSegment): void {
    for (const [index, hash] of segment.hashes.entries())
      this.#offsets.set(hash, segment.offsets[index] as number)
    this.#closed.push(segment)
    if (this.#open.hashes.length === 0) this.#open = newSegment(segment.end)
  }

  /** Closes the open stretch at this end of the log, and begins another. @returns what was closed */
  close(end: number, nowMs: number): DedupSegment {
    const closed = this.#open
    closed.end = end
    if (closed.lastMs === 0) closed.lastMs = nowMs
    this.#closed.push(closed)
    this.#open = newSegment(end)
    return closed
  }

  /** Forgets segments that are older than the window, or too many. @returns those forgotten */
  evict(beforeMs: number, countMax: number): DedupSegment[] {
    const forgotten: DedupSegment[] = []
    for (let oldest = this.#closed[0]; oldest; oldest = this.#closed[0]) {
      if (oldest.lastMs >= beforeMs && this.#offsets.size <= countMax) break
      this.#closed.shift()
      this.#forget(oldest)
      forgotten.push(oldest)
    }
    return forgotten
  }

  #forget({ end, hashes }: DedupSegment): void {
    // a key that was used again since lies behind the segment, and stays
    for (const hash of hashes) if ((this.#offsets.get(hash) ?? end) < end) this.#offsets.delete(hash)
  }
}

function newSegment(from: number): DedupSegment {
  return { from, end: from, lastMs: 0, hashes: [], offsets: [] }
}
