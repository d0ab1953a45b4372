import type { SendResult } from '#ternmq/client/index.ts'
import { parseOffsetMessageId } from '#ternmq/protocol/message-id.ts'

/** A message whose storing a broker has acknowledged. */
export interface Acked {
  readonly sequence: number
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
  readonly commitLogOffset: number
  /** When the answer came, by the clock that `monotonicMs` reads. */
  readonly ackedMs: number
}

const BODY_BYTES_MIN = 64
const BODY_BYTES_SPAN = 1500

/** The kernel's CLOCK_MONOTONIC in milliseconds: the same for every process of the machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** All that was sent in a run, and what brokers have said of it. A body is a function of its number: it is known again. */
export class History {
  /** Told to the audit: what a place holds after an acknowledgement, by `placeOf`. */
  readonly acked = new Map<string, Acked>()
  /** Messages whose storing a broker has refused: these may be nowhere. */
  readonly refused = new Set<number>()
  /** Answers that say: stored, but not surely (FLUSH_DISK_TIMEOUT). */
  unsureCount = 0
  readonly #name: string
  #sentCount = 0

  /** @param name tells the messages of this history from others in the same store */
  constructor(name: string) {
    this.#name = name
  }

  /** The topics of all acknowledged messages. */
  get topics(): string[] {
    return [...new Set([...this.acked.values()].map(({ topic }) => topic))].sort()
  }

  /** The next message. */
  next(): { sequence: number; body: Buffer } {
    const sequence = this.#sentCount++
    return { sequence, body: this.bodyOf(sequence) }
  }

  stored(sequence: number, topic: string, result: SendResult): void {
    if (result.status !== 'SEND_OK') {
      this.unsureCount++
      return
    }
    const { queue, queueOffset, offsetMessageId } = result
    const commitLogOffset = parseOffsetMessageId(offsetMessageId).offset
    const acked = {
      sequence,
      topic,
      queueId: queue.queueId,
      queueOffset,
      commitLogOffset,
      ackedMs: monotonicMs(),
    }
    this.acked.set(placeOf(acked), acked)
  }

  /** These were lost, and may be: their places are free for others. */
  forget(lost: readonly Acked[]): void {
    for (const acked of lost) this.acked.delete(placeOf(acked))
  }

  /** @returns the number of a message; undefined when it is none of this history, or not as it was sent */
  sequenceOf(body: Buffer): number | undefined {
    const [name, number] = body.toString('latin1', 0, 64).split(' ')
    const sequence = Number(number)
    if (name !== this.#name || !Number.isInteger(sequence) || sequence >= this.#sentCount) return undefined
    return this.bodyOf(sequence).equals(body) ? sequence : undefined
  }

  bodyOf(sequence: number): Buffer {
    // any function that looks random will do; it decides how long the body is and what it is filled with
    const seed = Math.imul(sequence + 1, 2_654_435_761) >>> 0
    const bytes = BODY_BYTES_MIN + (seed % BODY_BYTES_SPAN)
    const head = `${this.#name} ${sequence} `
    return Buffer.from(head.padEnd(bytes, seed.toString(36)), 'latin1')
  }
}

/** The place of a message as a key. */
export function placeOf(at: { topic: string; queueId: number; queueOffset: number }): string {
  return `${at.topic} ${at.queueId} ${at.queueOffset}`
}
