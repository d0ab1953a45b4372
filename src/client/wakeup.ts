import type { Clock, Timer } from '../base/host.ts'

/**
 * Lets one loop sleep until somebody wakes it or its time has come. A call while nobody sleeps is kept for
 * the next sleep.
 */
export class Wakeup {
  readonly #clock: Clock
  #isAwake = false
  #resolve: (() => void) | undefined
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param delayMs when it ends by itself; never if left out */
  sleep(delayMs?: number): Promise<void> {
    if (this.#isAwake) {
      this.#isAwake = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#resolve = resolve
      if (delayMs !== undefined) this.#timer = this.#clock.after(delayMs, this.#end)
    })
  }

  wake(): void {
    if (this.#resolve) this.#end()
    else this.#isAwake = true
  }

  readonly #end = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    const resolve = this.#resolve
    this.#resolve = undefined
    resolve?.()
  }
}
