// What the run says: one line a check, what failed again, and the closing line.

/** Counts verdicts and prints each as it comes. */
export class Report {
  passedCount = 0
  #failures = []

  get failedCount() {
    return this.#failures.length
  }

  ok(suite, check, ms) {
    this.passedCount++
    say(`ok ${suite} ${check} (${ms} ms)`)
  }

  notOk(suite, check, reason) {
    const line = `not ok ${suite} ${check}: ${reason}`
    this.#failures.push(line)
    say(line)
  }

  /** What failed is said again, for who sees the end of a long log alone. */
  close() {
    if (this.failedCount > 0) say(`# failed:\n${this.#failures.join('\n')}`)
    say(`${this.passedCount} passed, ${this.failedCount} failed`)
  }
}

/** Prints one line. */
export function say(line) {
  process.stdout.write(`${line}\n`)
}
