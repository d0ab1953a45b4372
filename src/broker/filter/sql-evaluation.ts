import { PropertyScan } from '../../protocol/property-scan.ts'

/** What a condition comes to: one of three values, or a fault, which no operator turns into anything else. */
export const Truth = { FALSE: 0, TRUE: 1, NULL: 2, FAULT: 3 } as const
export type Truth = (typeof Truth)[keyof typeof Truth]

/** A condition as a function of the message. */
export type SqlTest = (message: SqlEvaluation) => Truth

/**
 * Most steps of one evaluation: a property looked at, or 4 bytes of a value read. A hundred conditions on
 * messages of a hundred properties come to a tenth of it; hostile expressions on hostile messages are ended
 * after a millisecond or two.
 */
export const STEPS_MAX = 100_000

/** How many bytes of a value make a step, as a shift. */
const STEP_BYTES_SHIFT = 2

const UNKNOWN = -2
const NONE = -1

const noProperties = new PropertyScan()

/** The message that an expression is evaluated for. One instance is used again for every message. */
export class SqlEvaluation {
  properties = noProperties
  /** Where in the scan each property of the expression was found, as far as it was looked for. */
  readonly #found: Int16Array
  readonly #names: readonly string[]
  #steps = 0

  /** @param names the properties that the expression names */
  constructor(names: readonly string[]) {
    this.#names = names
    this.#found = new Int16Array(names.length)
  }

  /** Whether the steps are used up: what came out is then nothing. */
  get isSpent(): boolean {
    return this.#steps > STEPS_MAX
  }

  begin(properties: PropertyScan): void {
    this.properties = properties
    this.#found.fill(UNKNOWN)
    this.#steps = 0
  }

  /**
   * Where the value of a property is, for one use of it.
   * @param slot the place of its name among the names
   * @returns its index in `properties`, -1 when the message has none
   */
  find(slot: number): number {
    if (this.isSpent) return NONE
    let index = this.#found[slot] as number
    if (index === UNKNOWN) {
      index = this.properties.find(this.#names[slot] as string)
      this.#found[slot] = index
      this.#steps += this.properties.count
    }
    this.#steps += 1
    if (index >= 0)
      this.#steps += (this.properties.valueEnd(index) - this.properties.valueAt(index)) >> STEP_BYTES_SHIFT
    return index
  }
}
