import { parseSequence, SEQUENCE } from '../protocol/sequence-mark.ts'

/** A message as an audit looks at it. */
export interface AuditedMessage {
  readonly queueOffset: number
  readonly properties: ReadonlyMap<string, string>
}

/** Whole numbers without a gap, both ends inclusive. */
export interface NumberRange {
  readonly first: number
  readonly last: number
}

/** What became of the messages that one producer sent to one queue. */
export interface SequenceReport {
  readonly producer: string
  /** Messages that are there, each counted once. */
  readonly stored: number
  /** The highest number that anything is known of. */
  readonly last: number
  /** Acknowledged, and not there. */
  readonly lost: readonly NumberRange[]
  /** Not there, and never acknowledged as far as the messages say. */
  readonly missing: readonly NumberRange[]
  /** Numbers that are there more than once. */
  readonly duplicated: readonly number[]
  /** Of those that are there, how many lie below the group's offset. */
  readonly consumed: number
}

/**
 * Holds what is stored of one queue against what its producers say of it: give it all messages of the queue, in order, and ask for the
 * report. It knows messages of `SequencedProducer` only.
 */
export class LossAudit {
  readonly #sequences = new Map<string, SequenceAudit>()
  readonly #isWhole: boolean
  readonly #consumedTo: number

  /**
   * @param isWhole whether the queue has lost nothing to retention: else a sequence counts from the first number that is there
   * @param consumedTo the offset of the group that is looked at, 0 for none
   */
  constructor({ isWhole, consumedTo = 0 }: { isWhole: boolean; consumedTo?: number }) {
    this.#isWhole = isWhole
    this.#consumedTo = consumedTo
  }

  add({ properties, queueOffset }: AuditedMessage): void {
    const mark = parseSequence(properties.get(SEQUENCE) ?? '')
    if (!mark) return
    const { producer } = mark
    const sequence = this.#sequences.get(producer) ?? new SequenceAudit(this.#isWhole ? 1 : mark.number)
    this.#sequences.set(producer, sequence)
    sequence.add(mark, queueOffset < this.#consumedTo)
  }

  report(): SequenceReport[] {
    return [...this.#sequences].map(([producer, sequence]) => ({ producer, ...sequence.report() }))
  }
}

/** The numbers of one producer in one queue. They come nearly in order, so what is open is little. */
class SequenceAudit {
  readonly #first: number
  /** Behind the highest number that is there. */
  #next: number
  #settled: number
  #stored = 0
  #consumed = 0
  /** Numbers below `#next` that are not there. */
  readonly #absent = new Set<number>()
  readonly #unsure = new Set<number>()
  readonly #duplicated = new Set<number>()

  constructor(first: number) {
    this.#first = first
    this.#next = first
    this.#settled = first - 1
  }

  add(mark: { number: number; settled: number; unsure: readonly number[] }, isConsumed: boolean): void {
    const { number, settled, unsure } = mark
    this.#settled = Math.max(this.#settled, settled)
    for (const each of unsure) this.#unsure.add(each)
    if (number < this.#first) return
    if (number < this.#next && !this.#absent.delete(number)) {
      this.#duplicated.add(number)
      return
    }
    for (; this.#next < number; this.#next++) this.#absent.add(this.#next)
    this.#next = Math.max(this.#next, number + 1)
    this.#stored++
    if (isConsumed) this.#consumed++
  }

  report(): Omit<SequenceReport, 'producer'> {
    const last = Math.max(this.#next - 1, this.#settled)
    const absent = [...this.#absent]
    for (let number = this.#next; number <= last; number++) absent.push(number)
    const isLost = (number: number): boolean => number <= this.#settled && !this.#unsure.has(number)
    return {
      stored: this.#stored,
      last,
      lost: rangesOf(absent.filter(isLost)),
      missing: rangesOf(absent.filter((number) => !isLost(number))),
      duplicated: [...this.#duplicated].sort((one, other) => one - other),
      consumed: this.#consumed,
    }
  }
}

function rangesOf(numbers: readonly number[]): NumberRange[] {
  const ranges: { first: number; last: number }[] = []
  for (const number of [...numbers].sort((one, other) => one - other)) {
    const current = ranges.at(-1)
    if (current && current.last === number - 1) current.last = number
    else ranges.push({ first: number, last: number })
  }
  return ranges
}
