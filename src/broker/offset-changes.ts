import type { Clock } from '../base/host.ts'
import {
  decodeOffsetChange,
  decodeOffsetChanges,
  encodeOffsetChanges,
  type OffsetChange,
} from '../protocol/offset-moves.ts'
import type { MetadataTable } from './metadata.ts'

/** Most changes that are kept; the oldest go first. */
const CHANGES_MAX = 200

/**
 * The changes of offsets that admins have made, with the offsets before: by these each can be undone. The journal has a change in the turn
 * in which it is made, so a broker that is killed knows of every change that it has answered for.
 */
export class OffsetChanges implements MetadataTable {
  readonly fileName = 'offsetChanges.json'
  readonly journalKind = 'u'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #clock: Clock
  /** Oldest first. */
  #changes: OffsetChange[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The changes that are kept, newest first. */
  list(): OffsetChange[] {
    return this.#changes.toReversed()
  }

  find(id: number): OffsetChange | undefined {
    return this.#changes.find((change) => change.id === id)
  }

  /** Keeps a change; one that moves nothing is not kept. */
  note(made: Omit<OffsetChange, 'id' | 'timestampMs'>): OffsetChange {
    const id = (this.#changes.at(-1)?.id ?? 0) + 1
    const change = { id, timestampMs: this.#clock.nowMs(), ...made }
    if (made.moves.length === 0) return change
    this.#add(change)
    this.onChange(JSON.stringify(change))
    return change
  }

  load(content: Buffer): void {
    this.#changes = decodeOffsetChanges(content)
  }

  replay(text: string): void {
    const change = decodeOffsetChange(Buffer.from(text))
    if (change.id > (this.#changes.at(-1)?.id ?? 0)) this.#add(change)
  }

  encode(): Buffer {
    return encodeOffsetChanges(this.#changes)
  }

  #add(change: OffsetChange): void {
    this.#changes.push(change)
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift()
  }
}
