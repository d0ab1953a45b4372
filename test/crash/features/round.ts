import { setTimeout as pause } from 'node:timers/promises'
import { ClientError } from '#ternmq/client/index.ts'

/** How long a worker rests when the broker does not answer. */
const REST_MS = 10

/** One stretch of load: from a start of the broker to its death. */
export class Round {
  #isOver = false

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }

  /**
   * Does something again and again until the round is over.
   * @param restMs between two times
   * @throws whatever is no answer of a client about its broker
   */
  async repeat(act: () => Promise<void>, restMs = 0): Promise<void> {
    while (!this.#isOver) {
      try {
        await act()
        if (restMs > 0) await pause(restMs)
      } catch (error) {
        // the broker is dead, or has just come back and does not know everything yet
        if (!(error instanceof ClientError)) throw error
        await pause(REST_MS)
      }
    }
  }
}
