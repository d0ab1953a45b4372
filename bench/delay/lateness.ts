/** How late messages came, in milliseconds. */
export interface LatenessFigures {
  readonly sent: number
  readonly received: number
  /** Received before they were due. */
  readonly early: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Notes when messages come and when they were due; one of the same number counts once. */
export class Lateness {
  readonly #latenessMs: number[] = []
  readonly #seen = new Set<number>()
  duplicates = 0

  get count(): number {
    return this.#latenessMs.length
  }

  add(sequence: number, latenessMs: number): void {
    if (this.#seen.has(sequence)) this.duplicates++
    else this.#latenessMs.push(latenessMs)
    this.#seen.add(sequence)
  }

  figures(sent: number): LatenessFigures {
    const sorted = Float64Array.from(this.#latenessMs).sort()
    const at = (share: number): number =>
      sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0
    const early = sorted.findIndex((ms) => ms >= 0)
    return {
      ...{ sent, received: sorted.length, early: early < 0 ? sorted.length : early },
      ...{ p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) },
    }
  }
}
