import { messageOf } from '#ternmq/base/errors.ts'

type Undo = () => void | Promise<void>

/** What has to be undone at the end, the newest first: also after a failure, and when the run is interrupted. */
export class Cleanup {
  readonly #steps = new Set<Undo>()

  /** @returns what takes the step off the list: it was done otherwise */
  add(undo: Undo): () => void {
    this.#steps.add(undo)
    return () => this.#steps.delete(undo)
  }

  /** Undoes everything. A step that fails keeps no other from being taken. @returns what failed */
  async all(): Promise<string[]> {
    const failures: string[] = []
    for (const undo of [...this.#steps].reverse()) {
      this.#steps.delete(undo)
      try {
        await undo()
      } catch (error) {
        failures.push(messageOf(error))
      }
    }
    return failures
  }
}
