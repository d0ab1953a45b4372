// What the run says: one line a check, and the closing line.

/** Counts verdicts and prints each as it comes. */
export class Report {
  passedCount = 0
  failedCount = 0

  ok(suite, check, ms) {
    this.passedCount++
    say(`ok ${suite} ${check} (${ms} ms)`)
  }

  notOk(suite, check, reason) {
    this.failedCount++
    say(`not ok ${suite} ${check}: ${reason}`)
  }

  close() {
    say(`${this.passedCount} passed, ${this.failedCount} failed`)
  }
}

/** Prints one line. */
export function say(line) {
  process.stdout.write(`${line}\n`)
}
