import { fullDisk } from './full-disk.ts'
import { pauseSuite } from './pause.ts'
import { powerCut } from './power-cut.ts'
import type { Suite } from './suite.ts'

/** All suites, in the order in which they run. */
export const suites: readonly Suite[] = [pauseSuite, fullDisk, powerCut]
