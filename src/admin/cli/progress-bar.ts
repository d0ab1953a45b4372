import type { CliEnvironment } from './environment.ts'

const BAR_WIDTH = 24
const CLEAR_LINE = '\r\u001b[K'

/** A line of standard error that says how far long work is; nothing where that is no terminal. */
export class ProgressBar {
  readonly #environment: CliEnvironment
  #isShown = false

  constructor(environment: CliEnvironment) {
    this.#environment = environment
  }

  show(done: number, total: number, about: string): void {
    if (!this.#environment.isErrorTerminal) return
    this.#isShown = true
    this.#environment.writeError(`${CLEAR_LINE}${barText({ done, total, about }, this.#environment.width)}`)
  }

  /** Takes the line away, so that something else can be printed. */
  clear(): void {
    if (this.#isShown) this.#environment.writeError(CLEAR_LINE)
    this.#isShown = false
  }
}

/** `[######------------------]  25 %  32 of 128 messages`, without the bar where there is no room for it. */
export function barText(
  { done, total, about }: { done: number; total: number; about: string },
  width: number,
): string {
  const ratio = total > 0 ? Math.min(done / total, 1) : 1
  const filled = Math.floor(ratio * BAR_WIDTH)
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] `
  const words = `${String(Math.floor(ratio * 100)).padStart(3)} %  ${done} of ${total} ${about}`
  return (bar.length + words.length < width ? bar + words : words).slice(0, width - 1)
}
