import type { LoadLine } from './load-report.ts'

/** What a crash test has found, over all its cycles. */
export interface CrashSummary {
  cycles: number
  /** Messages that were acknowledged. */
  acked: number
  /** Acknowledged messages that are not where they were said to be, with identical bytes. */
  lost: number
  /** Queue offsets without a message between the first and the last. */
  holes: number
  /** Stored messages that nobody has sent, or that stand there twice. */
  ghosts: number
  /** Queues whose committed offset was lower than one that had been confirmed, or beyond the end. */
  offsetsBack: number
}

/** What was acknowledged and committed, held against what the broker shows after each crash. */
export class Ledger {
  readonly summary: CrashSummary = { cycles: 0, acked: 0, lost: 0, holes: 0, ghosts: 0, offsetsBack: 0 }
  /** The first things that were wrong, in words. */
  readonly findings: string[] = []
  /** What else a reader may want to know: errors that the broker has logged. */
  readonly notes: string[] = []
  /** Message numbers by offset, by queue. */
  readonly #acked = new Map<string, Map<number, number>>()
  /** Highest committed offset that was confirmed or seen, by queue. */
  readonly #committed = new Map<string, number>()
  /** Where each message number was seen. */
  readonly #places = new Map<number, string>()
  #numberEnd = 0

  /** Takes what the load says. */
  take(line: LoadLine): void {
    if (line.kind === 'ack') {
      const offsets = this.#acked.get(line.queue) ?? new Map<number, number>()
      if (offsets.has(line.offset)) this.#ghost(`${line.queue} ${line.offset} was acknowledged twice`)
      this.#acked.set(line.queue, offsets.set(line.offset, line.number))
      this.summary.acked++
    } else if (line.kind === 'commit') {
      this.#committed.set(line.queue, Math.max(line.offset, this.#committed.get(line.queue) ?? 0))
    } else if (line.kind === 'end') this.#numberEnd = line.numberEnd
  }

  /** Queues in which something was acknowledged. */
  get queues(): string[] {
    return [...this.#acked.keys()].sort()
  }

  /**
   * Holds a stretch of a queue against the ledger: the messages from `from` on, in the order in which they
   * were read, up to the end of the queue.
   */
  checkMessages(
    queue: string,
    stretch: {
      from: number
      end: number
      messages: readonly { queueOffset: number; number: number | undefined }[]
    },
  ): void {
    const { from, end, messages } = stretch
    const acked = this.#acked.get(queue) ?? new Map<number, number>()
    const found = new Map<number, number | undefined>()
    let next = from
    for (const { queueOffset, number } of messages) {
      if (queueOffset !== next) this.#hole(`${queue}: ${queueOffset} stands behind ${next - 1}`)
      next = queueOffset + 1
      found.set(queueOffset, number)
      this.#checkSender(queue, queueOffset, number)
    }
    if (next !== end) this.#hole(`${queue}: read up to ${next}, but it ends at ${end}`)
    for (const [offset, number] of acked) {
      if ((offset >= from || offset >= end) && found.get(offset) !== number) {
        this.summary.lost++
        this.findings.push(
          `${queue} ${offset}: message ${number} was acknowledged, ${found.get(offset)} is there`,
        )
      }
    }
  }

  /** Holds a committed offset against what was confirmed before. */
  checkCommitted(queue: string, committed: number | undefined, end: number): void {
    const expected = this.#committed.get(queue) ?? 0
    const seen = committed ?? 0
    if (seen < expected || seen > end) {
      this.summary.offsetsBack++
      this.findings.push(
        `${queue}: offset ${expected} was committed, now it is ${committed}, and the end ${end}`,
      )
    }
    this.#committed.set(queue, Math.max(seen, expected))
  }

  #checkSender(queue: string, offset: number, number: number | undefined): void {
    const place = `${queue} ${offset}`
    if (number === undefined) this.#ghost(`${place}: bytes that nobody has sent`)
    else if (number >= this.#numberEnd) this.#ghost(`${place}: message ${number} has not been sent yet`)
    else {
      const other = this.#places.get(number)
      if (other !== undefined && other !== place)
        this.#ghost(`${place}: message ${number} stands at ${other} too`)
      this.#places.set(number, place)
    }
  }

  #ghost(finding: string): void {
    this.summary.ghosts++
    this.findings.push(finding)
  }

  #hole(finding: string): void {
    this.summary.holes++
    this.findings.push(finding)
  }
}

/** The closing line of a run. */
export function summaryText({ cycles, acked, lost, holes, ghosts, offsetsBack }: CrashSummary): string {
  return `${cycles} cycles, ${acked} acked, ${lost} lost, ${holes} holes, ${ghosts} ghosts, ${offsetsBack} offsets back`
}

/** Whether nothing was wrong, and something was tried. */
export function isClean({ acked, lost, holes, ghosts, offsetsBack }: CrashSummary): boolean {
  return acked > 0 && lost + holes + ghosts + offsetsBack === 0
}
