import { JsonFields } from '../protocol/json-fields.ts'
import type { MetadataTable } from './metadata.ts'
import { LOCK_MS_MAX, type LockedQueue } from './queue-locks.ts'

/** A queue of a group, and the client that holds it; without one, nobody does. */
interface Holding extends LockedQueue {
  readonly group: string
  readonly clientId: string
}

/**
 * Who held the queues of ordered groups when the broker went down. Locks end with the broker, as RocketMQ's do, and whoever asks first
 * has a queue after a start; but for as long as a lock would have lived nobody else moves the group back (`QueueFence`). Changes of
 * hands are in the journal; renewals are not.
 */
export class FormerHolders implements MetadataTable {
  readonly fileName = 'queueHolders.json'
  readonly journalKind = 'h'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  /** Who holds what now, by group and queue; until `start`, who did. */
  readonly #holdings = new Map<string, Holding>()
  /** Who held what before the start and has not locked it since. */
  readonly #former = new Map<string, Holding>()
  #formerGroups: ReadonlySet<string> = new Set()
  #untilMs = 0

  /** What was held is held no more. */
  start(nowMs: number): void {
    for (const [key, holding] of this.#holdings) this.#former.set(key, holding)
    this.#holdings.clear()
    this.#formerGroups = new Set([...this.#former.values()].map(({ group }) => group))
    this.#untilMs = nowMs + LOCK_MS_MAX
  }

  /** Forgets those of before the start when they count no more. */
  expire(nowMs: number): void {
    if (nowMs <= this.#untilMs || this.#formerGroups.size === 0) return
    this.#former.clear()
    this.#formerGroups = new Set()
    this.onChange('')
  }

  /** A client has taken a queue that it did not hold. */
  taken(group: string, { queueId, topic }: LockedQueue, clientId: string): void {
    const holding = { group, topic, queueId, clientId }
    this.#former.delete(keyOf(holding))
    this.#holdings.set(keyOf(holding), holding)
    this.onChange(JSON.stringify(holding))
  }

  /** Nobody holds a queue any more. */
  released(group: string, { queueId, topic }: LockedQueue): void {
    const holding = { group, topic, queueId, clientId: '' }
    if (this.#holdings.delete(keyOf(holding))) this.onChange(JSON.stringify(holding))
  }

  /** Whether `find` may find anything of a group. */
  has(group: string): boolean {
    return this.#formerGroups.has(group)
  }

  /** The client that held a queue when the broker went down; undefined when one has it now, or it is long ago. */
  find(group: string, { queueId, topic }: LockedQueue, nowMs: number): string | undefined {
    return nowMs <= this.#untilMs ? this.#former.get(keyOf({ group, topic, queueId }))?.clientId : undefined
  }

  load(content: Buffer): void {
    this.#holdings.clear()
    for (const holding of JsonFields.ofBody(content, 'queue holders').objects('holders', readHolding))
      this.#note(holding)
  }

  replay(text: string): void {
    this.#note(readHolding(JsonFields.ofBody(Buffer.from(text), 'queue holder')))
  }

  encode(): Buffer {
    // a start that follows soon wants to know of those, too
    const holders = [...this.#former.values(), ...this.#holdings.values()]
    return Buffer.from(`${JSON.stringify({ holders }, undefined, 2)}\n`)
  }

  #note(holding: Holding): void {
    if (holding.clientId === '') this.#holdings.delete(keyOf(holding))
    else this.#holdings.set(keyOf(holding), holding)
  }
}

function readHolding(fields: JsonFields): Holding {
  return {
    ...{ group: fields.text('group'), topic: fields.text('topic') },
    ...{ queueId: fields.integer('queueId'), clientId: fields.text('clientId') },
  }
}

function keyOf({ group, queueId, topic }: Omit<Holding, 'clientId'>): string {
  return `${topic}@${group}/${queueId}`
}
