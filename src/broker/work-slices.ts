import type { Clock } from '../base/host.ts'

/**
 * Cuts long work into slices, so that others have their turns in between: `if (slices.isDue()) await
 * slices.pause()`.
 */
export class WorkSlices {
  readonly #clock: Clock
  readonly #stepsPerSlice: number
  #steps = 0

  constructor(clock: Clock, stepsPerSlice = 256) {
    this.#clock = clock
    this.#stepsPerSlice = stepsPerSlice
  }

  /** Counts a step. @returns whether the slice is full */
  isDue(): boolean {
    this.#steps++
    return this.#steps % this.#stepsPerSlice === 0
  }

  /** Waits for the next turn of the event loop. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.endOfTurn(resolve))
  }
}
