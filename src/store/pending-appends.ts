import type { ConsumeQueue } from './consume-queue.ts'

/** What happened to a message that someone waits for. */
export type AppendOutcome =
  /** Stored, under the rule of the store's mode. */
  | 'stored'
  /** Written, but the device did not confirm it (in time): it survives a crash of the process, perhaps not of the machine. */
  | 'flushTimeout'
  /** Not stored. */
  | 'notWritable'

/** Who waits for appended messages: one object for many messages, told apart by their tokens. */
export interface AppendWaiter {
  /**
   * Called once per message, in the order of the log.
   * @param token what was given with the message
   */
  appended(
    outcome: AppendOutcome,
    token: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
  ): void
}

const CAPACITY_MIN = 1024

/**
 * Messages that were appended and whose mode's rule does not hold yet: a queue in parallel arrays, so that a message makes
 * no object. Indices run from `head` to `tail`.
 */
export class PendingAppends {
  head = 0
  tail = 0
  ends = new Float64Array(CAPACITY_MIN)
  bytes = new Int32Array(CAPACITY_MIN)
  queueOffsets = new Float64Array(CAPACITY_MIN)
  tagsCodes = new Float64Array(CAPACITY_MIN)
  storedMs = new Float64Array(CAPACITY_MIN)
  tokens = new Float64Array(CAPACITY_MIN)
  /** Where the message's keys begin in `keys`; they end where those of the next begin. */
  keysAt = new Int32Array(CAPACITY_MIN)
  queues: (ConsumeQueue | undefined)[] = new Array(CAPACITY_MIN)
  queueIds = new Int32Array(CAPACITY_MIN)
  /** 1 where the answer does not wait for the device. */
  unawaited = new Uint8Array(CAPACITY_MIN)
  waiters: (AppendWaiter | undefined)[] = new Array(CAPACITY_MIN)
  keys = new Int32Array(CAPACITY_MIN)
  keysEnd = 0

  get count(): number {
    return this.tail - this.head
  }

  /** Makes room for one more message with so many keys. */
  reserve(keyCount: number): void {
    if (this.tail === this.ends.length) this.#makeRoom()
    if (this.keysEnd + keyCount > this.keys.length) this.#growKeys(keyCount)
  }

  /** Where the keys of the message at this index end. */
  keysEndAt(index: number): number {
    return index + 1 < this.tail ? (this.keysAt[index + 1] as number) : this.keysEnd
  }

  /** Forgets the message at `head`. */
  shift(): void {
    this.queues[this.head] = undefined
    this.waiters[this.head] = undefined
    this.head++
    if (this.head < this.tail) return
    this.head = 0
    this.tail = 0
    this.keysEnd = 0
  }

  /** Forgets the message added last. */
  pop(): void {
    this.tail--
    this.keysEnd = this.keysAt[this.tail] as number
    this.queues[this.tail] = undefined
    this.waiters[this.tail] = undefined
  }

  #makeRoom(): void {
    if (this.head >= this.ends.length / 2) this.#compact()
    else this.#grow()
  }

  #compact(): void {
    const { head, tail } = this
    const keysBegin = this.keysAt[head] as number
    for (const column of this.#columns()) column.copyWithin(0, head, tail)
    this.queues.copyWithin(0, head, tail)
    this.waiters.copyWithin(0, head, tail)
    this.queues.fill(undefined, tail - head)
    this.waiters.fill(undefined, tail - head)
    this.keys.copyWithin(0, keysBegin, this.keysEnd)
    for (let i = 0; i < tail - head; i++) this.keysAt[i] = (this.keysAt[i] as number) - keysBegin
    this.keysEnd -= keysBegin
    this.head = 0
    this.tail = tail - head
  }

  #grow(): void {
    const capacity = this.ends.length * 2
    this.ends = grown(this.ends, new Float64Array(capacity))
    this.bytes = grown(this.bytes, new Int32Array(capacity))
    this.queueOffsets = grown(this.queueOffsets, new Float64Array(capacity))
    this.tagsCodes = grown(this.tagsCodes, new Float64Array(capacity))
    this.storedMs = grown(this.storedMs, new Float64Array(capacity))
    this.tokens = grown(this.tokens, new Float64Array(capacity))
    this.keysAt = grown(this.keysAt, new Int32Array(capacity))
    this.queueIds = grown(this.queueIds, new Int32Array(capacity))
    this.unawaited = grown(this.unawaited, new Uint8Array(capacity))
    this.queues.length = capacity
    this.waiters.length = capacity
  }

  #growKeys(keyCount: number): void {
    this.keys = grown(this.keys, new Int32Array(Math.max(this.keys.length * 2, this.keysEnd + keyCount)))
  }

  #columns(): Column[] {
    return [
      this.ends,
      this.bytes,
      this.queueOffsets,
      this.tagsCodes,
      this.storedMs,
      this.tokens,
      this.keysAt,
      this.queueIds,
      this.unawaited,
    ]
  }
}

type Column = Float64Array | Int32Array | Uint8Array

function grown<Values extends Column>(from: Values, to: Values): Values {
  to.set(from)
  return to
}
