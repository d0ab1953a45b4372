/**
 * How far a level's queue is: which entry is copied next, and below which all are delivered, by what has become of the copies between the
 * two. Copies are answered in the order in which they were made; their entries may have expired by then. A pure machine; `DelayLevelQueue` is the shell.
 */
export class DelayProgress {
  #next: number
  #delivered: number
  /** Entries passed over while copies of earlier ones were under way. */
  readonly #passed = new Set<number>()

  /** @param next entry with which it goes on */
  constructor(next: number) {
    this.#next = next
    this.#delivered = next
  }

  /** Entry that is copied next. */
  get next(): number {
    return this.#next
  }

  /** Entries below are delivered, or passed over. */
  get delivered(): number {
    return this.#delivered
  }

  /** Entries from the first that is not delivered to the next. */
  get openCount(): number {
    return this.#next - this.#delivered
  }

  /** A copy of the entry is under way. */
  copied(offset: number): void {
    this.#next = offset + 1
  }

  /** The copy is stored. */
  stored(offset: number): void {
    this.#delivered = Math.max(this.#delivered, offset + 1)
    while (this.#passed.delete(this.#delivered)) this.#delivered++
  }

  /** The copy was refused, as are all behind it: entries from here on are looked at again. */
  refused(offset: number): void {
    this.#next = Math.max(Math.min(this.#next, offset), this.#delivered)
    for (const passed of this.#passed) if (passed > offset) this.#passed.delete(passed)
  }

  /** The entry can never be delivered. @returns whether that moves `delivered` */
  pass(offset: number): boolean {
    if (this.#delivered === offset) return this.skipTo(offset + 1)
    this.#passed.add(offset)
    this.#next = offset + 1
    return false
  }

  /** Entries below are gone. @returns whether that moves `delivered` */
  skipTo(offset: number): boolean {
    this.#next = offset
    if (this.#delivered >= offset) return false
    this.#delivered = offset
    return true
  }
}
