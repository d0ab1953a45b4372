import type { Clock } from './host.ts'

/**
 * The end of a turn of the event loop, in two steps: first the work that the turn's input left to be done as one batch
 * (one write to the log, then answers), then the sending (one write per socket). What is asked for while a step runs is
 * done in the same turn, so that an answer leaves in the turn in which its message was written.
 */
export class Turn {
  readonly #clock: Clock
  #work: (() => void)[] = []
  #send: (() => void)[] = []
  #isAsked = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `callback` once, before anything is sent in this turn. */
  atWork(callback: () => void): void {
    this.#work.push(callback)
    this.#ask()
  }

  /** Runs `callback` once, when the work of this turn is done. */
  atSend(callback: () => void): void {
    this.#send.push(callback)
    this.#ask()
  }

  #ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    this.#clock.endOfTurn(this.#run)
  }

  readonly #run = (): void => {
    try {
      while (this.#work.length > 0 || this.#send.length > 0) {
        const isWork = this.#work.length > 0
        const batch = isWork ? this.#work : this.#send
        if (isWork) this.#work = []
        else this.#send = []
        this.#runBatch(batch)
      }
    } finally {
      this.#isAsked = false
      if (this.#work.length > 0 || this.#send.length > 0) this.#ask()
    }
  }

  /** One that throws is a fault of ours and goes to the top; the others are still run, in the next turn. */
  #runBatch(batch: (() => void)[]): void {
    let done = 0
    try {
      for (const callback of batch) {
        done++
        callback()
      }
    } finally {
      if (done < batch.length) this.#work.unshift(...batch.slice(done))
    }
  }
}
