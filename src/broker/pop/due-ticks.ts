/**
 * Things that fall due, by the tick in which they do: adding and taking back cost the same however many there are. Pure: time comes with
 * calls; nothing is due early, and nothing later than a tick.
 */
export class DueTicks<Item> {
  readonly #tickMs: number
  readonly #byTick = new Map<number, Set<Item>>()
  readonly #ticks = new Map<Item, number>()
  #lastTick = 0

  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  get count(): number {
    return this.#ticks.size
  }

  /** Adds a thing, or gives it another time. One whose time has passed is due with the next tick. */
  add(item: Item, dueMs: number): void {
    this.delete(item)
    const tick = Math.max(Math.ceil(dueMs / this.#tickMs), this.#lastTick + 1)
    this.#ticks.set(item, tick)
    const items = this.#byTick.get(tick)
    if (items) items.add(item)
    else this.#byTick.set(tick, new Set([item]))
  }

  delete(item: Item): void {
    const tick = this.#ticks.get(item)
    if (tick === undefined) return
    this.#ticks.delete(item)
    const items = this.#byTick.get(tick)
    items?.delete(item)
    if (items?.size === 0) this.#byTick.delete(tick)
  }

  /** Time of the next tick in which something is due; undefined while there is nothing. */
  get nextMs(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const tick of this.#byTick.keys()) if (tick < next) next = tick
    return this.#byTick.size > 0 ? next * this.#tickMs : undefined
  }

  /** Takes what is due. */
  due(nowMs: number): Item[] {
    const tick = Math.floor(nowMs / this.#tickMs)
    const due: Item[] = []
    // after a long pause the ticks that have things are fewer than those that have passed
    if (tick - this.#lastTick > this.#byTick.size) {
      for (const [each, items] of this.#byTick) if (each <= tick) due.push(...items)
    } else {
      for (let each = this.#lastTick + 1; each <= tick; each++) due.push(...(this.#byTick.get(each) ?? []))
    }
    this.#lastTick = tick
    for (const item of due) this.delete(item)
    return due
  }
}
