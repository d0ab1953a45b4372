/** What can be wrong with a message. */
export type Fault = 'lost' | 'early' | 'double' | 'miscounted' | 'ghost'

const faultKinds: readonly Fault[] = ['lost', 'early', 'double', 'miscounted', 'ghost']

/** Findings of one feature that are kept in words. */
const FINDINGS_MAX = 50

/** What was tried of a feature, and what was wrong. */
export class FeatureTally {
  readonly feature: string
  /** Messages that were sent, and those of them that were acknowledged. */
  sent = 0
  acked = 0
  /** Records that consumers were given for the first time. */
  delivered = 0
  /** Deliveries again, where the broker was not told, or was told that it should. */
  again = 0
  /** The first things that were wrong, in words. */
  readonly findings: string[] = []
  readonly #faults = new Map<Fault, number>()

  constructor(feature: string) {
    this.feature = feature
  }

  /** Something is wrong. */
  fault(kind: Fault, finding: string): void {
    this.#faults.set(kind, this.count(kind) + 1)
    if (this.findings.length < FINDINGS_MAX) this.findings.push(`${this.feature}, ${kind}: ${finding}`)
  }

  count(kind: Fault): number {
    return this.#faults.get(kind) ?? 0
  }

  /** Whether nothing was wrong. */
  get isClean(): boolean {
    return this.#faults.size === 0
  }

  /** Whether anything came of what was tried: a short run on a busy machine may not get to everything. */
  get wasTried(): boolean {
    return this.acked > 0 && this.delivered > 0
  }
}

/** A line for each feature. */
export function featureTable(tallies: readonly FeatureTally[]): string {
  const head = ['feature', 'sent', 'acked', 'delivered', 'again', ...faultKinds]
  const rows = tallies.map((tally) => [
    ...[tally.feature, tally.sent, tally.acked, tally.delivered, tally.again],
    ...faultKinds.map((kind) => tally.count(kind)),
  ])
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
