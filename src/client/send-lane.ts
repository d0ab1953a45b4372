/** Sends that keep their order: each begins when the one before has its answer, or has failed. */
export class SendLane {
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #onIdle: () => void
  #isBusy = false

  /** @param onIdle hears when the last one is over */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle
  }

  /** @param send may not reject */
  add(send: () => Promise<void>): void {
    this.#waiting.push(send)
    if (!this.#isBusy) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    for (let send = this.#waiting.shift(); send; send = this.#waiting.shift()) await send()
    this.#isBusy = false
    this.#onIdle()
  }
}
