import { compareTimers, type TimerEntry } from './timer-entry.ts'

/** Timers in memory; the one that falls due first is on top. */
export class TimerHeap {
  #entries: TimerEntry[] = []

  get size(): number {
    return this.#entries.length
  }

  get first(): TimerEntry | undefined {
    return this.#entries[0]
  }

  add(entry: TimerEntry): void {
    const entries = this.#entries
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const parentAt = (at - 1) >>> 1
      const parent = entries[parentAt] as TimerEntry
      if (compareTimers(parent, entry) <= 0) break
      entries[at] = parent
      at = parentAt
    }
    entries[at] = entry
  }

  /** Takes the first one off. */
  shift(): void {
    const entries = this.#entries
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return
    let at = 0
    for (;;) {
      const child = this.#smallerChild(at)
      if (child < 0 || compareTimers(entries[child] as TimerEntry, last) >= 0) break
      entries[at] = entries[child] as TimerEntry
      at = child
    }
    entries[at] = last
  }

  /** Takes all of them off, in order. */
  takeAll(): TimerEntry[] {
    const entries = this.#entries.sort(compareTimers)
    this.#entries = []
    return entries
  }

  #smallerChild(at: number): number {
    const left = 2 * at + 1
    const [one, other] = [this.#entries[left], this.#entries[left + 1]]
    if (!one) return -1
    return other && compareTimers(other, one) < 0 ? left + 1 : left
  }
}
