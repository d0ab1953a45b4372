import type { Lab } from './lab.ts'
import type { Need } from './tool.ts'

/** Some checks that belong together. */
export interface Suite {
  readonly name: string
  /** What it shows, for the list that `--help` prints. */
  readonly about: string
  readonly needs: readonly Need[]
  readonly run: (lab: Lab) => Promise<void>
}
