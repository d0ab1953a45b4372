import type { FeatureTally } from './feature-tally.ts'
import type { Popped } from './pop-peer.ts'

/** A message as its consumers know it. */
export interface InOrder {
  readonly queueOffset: number
  text: string
  /** Deliveries that were seen. */
  seen: number
  /** An acknowledgement was sent since it came last. */
  mayBeAcked: boolean
  /** The broker has answered one in time. */
  isAcked: boolean
  /** It cannot be popped again before this time of the broker. */
  notBeforeMs: number
}

/**
 * What is known outside the broker of a queue that is popped in order, and what may come of it: pops begin where acknowledgements have
 * come to, leave nothing out, and wait until everything of the last one is acknowledged or visible again.
 */
export class OrderedPopQueue {
  readonly #tally: FeatureTally
  readonly #name: string
  readonly #messages: InOrder[] = []
  /** What the last pop took, and the first of it. */
  #first: Popped | undefined
  #taken: readonly InOrder[] = []
  #popTimeMs = 0
  /** All before this offset is acknowledged for certain, and may be. */
  #ackedEnd = 0
  #mayBeEnd = 0
  /** Offset behind the last message whose send was answered. */
  #sentEnd = 0

  constructor(tally: FeatureTally, name: string) {
    this.#tally = tally
    this.#name = name
  }

  /** Where the group's offset is at least. */
  get ackedEnd(): number {
    return this.#ackedEnd
  }

  /** Whether all that was sent may have been acknowledged. */
  get isSettled(): boolean {
    return this.#mayBeEnd >= this.#sentEnd
  }

  /** What is missing at the end, in words. */
  get missing(): string {
    return `${this.#name}: acknowledged up to ${this.#mayBeEnd}, it ends at ${this.#sentEnd}`
  }

  sent(queueOffset: number, text: string): void {
    this.#at(queueOffset, text)
    this.#sentEnd = Math.max(this.#sentEnd, queueOffset + 1)
  }

  /** A pop's answer. @returns what was taken; nothing when a later pop was heard of before: the handles are no longer good */
  delivered(popped: readonly Popped[]): readonly InOrder[] {
    const [first] = popped
    if (!first || first.handle.popTimeMs < this.#popTimeMs) return []
    const { popTimeMs, invisibleMs } = first.handle
    const place = `${this.#name}/${first.handle.queueOffset}, popped at ${popTimeMs}`
    this.#checkPlace(first.handle.queueOffset, place)
    this.#checkTime(popTimeMs, place)
    this.#checkCount(first, place)
    this.#popTimeMs = popTimeMs
    this.#first = first
    this.#taken = popped.map(({ message, handle }, index) => {
      if (handle.queueOffset !== first.handle.queueOffset + index)
        this.#tally.fault('lost', `${place}: ${handle.queueOffset} comes as number ${index}`)
      return this.#take(this.#at(handle.queueOffset, message.text), popTimeMs + invisibleMs)
    })
    this.#mayBeEnd = first.handle.queueOffset
    return this.#taken
  }

  /** Acknowledgements are sent. @returns what their answer is told to */
  acknowledging(messages: readonly InOrder[]): () => void {
    const before = messages.map((message) => ({ message, seen: message.seen }))
    for (const message of messages) message.mayBeAcked = true
    while (this.#messages[this.#mayBeEnd]?.mayBeAcked) this.#mayBeEnd++
    return () => {
      // what nobody else can have popped in between is settled
      for (const { message, seen } of before) {
        if (message.seen === seen && Date.now() < message.notBeforeMs) message.isAcked = true
      }
      while (this.#messages[this.#ackedEnd]?.isAcked) this.#ackedEnd++
    }
  }

  /** Another invisible time is asked for. @returns what the answer is told to: until when the broker says the message is out of sight */
  postponing(message: InOrder, delayMs: number): (untilMs: number) => void {
    const { notBeforeMs: before, seen } = message
    // what becomes of it is not known until the answer comes: it may be either time
    message.notBeforeMs = Math.min(before, Date.now() + delayMs)
    return (untilMs) => {
      if (message.seen === seen && Date.now() < before) message.notBeforeMs = untilMs
    }
  }

  #at(queueOffset: number, text: string): InOrder {
    const known = this.#messages[queueOffset]
    if (known) {
      if (known.text !== text)
        this.#tally.fault('ghost', `${this.#name}/${queueOffset} was ${known.text}, and is ${text}`)
      return known
    }
    const message: InOrder = {
      ...{ queueOffset, text, seen: 0, mayBeAcked: false, isAcked: false, notBeforeMs: 0 },
    }
    this.#messages[queueOffset] = message
    return message
  }

  #checkPlace(start: number, place: string): void {
    if (start > this.#mayBeEnd) this.#tally.fault('lost', `${place}: ${this.#mayBeEnd} was left out`)
    if (start < this.#ackedEnd)
      this.#tally.fault('double', `${place}: it was acknowledged up to ${this.#ackedEnd}`)
  }

  #checkTime(popTimeMs: number, place: string): void {
    const open = this.#taken.filter(({ mayBeAcked }) => !mayBeAcked)
    const earlyMs = Math.max(...open.map(({ notBeforeMs }) => notBeforeMs - popTimeMs), 0)
    if (earlyMs > 0) this.#tally.fault('early', `${place}: ${earlyMs} ms before the queue was free`)
  }

  /**
   * The broker counts for a message how many pops in a row have taken it. Of two that begin with the same, all between them have, also
   * those whose answers were lost; of others one may have taken less than it could.
   */
  #checkCount({ handle, orderCount }: Popped, place: string): void {
    const before = this.#first
    if (before?.handle.queueOffset !== handle.queueOffset || orderCount > before.orderCount) return
    this.#tally.fault('miscounted', `${place}: ${orderCount} after ${before.orderCount}`)
  }

  #take(message: InOrder, notBeforeMs: number): InOrder {
    if (message.seen++ === 0) this.#tally.delivered++
    else this.#tally.again++
    return Object.assign(message, { notBeforeMs, mayBeAcked: false, isAcked: false })
  }
}
