import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's root, seen from the compiled file `dist/bench/measure/paths.js`. */
export const projectDir = fileURLToPath(new URL('../../../', import.meta.url))

/** The sources of the benchmarks: where Maven modules, C files and `out/` are. */
export const benchDir = join(projectDir, 'bench')

/** Absolute path of a new file of raw results, `bench/out/<name>-<time>.jsonl`. */
export function newResultFile(name: string): string {
  const dir = join(benchDir, 'out')
  mkdirSync(dir, { recursive: true })
  return join(dir, `${name}-${new Date().toISOString().replace(/[:.]/g, '')}.jsonl`)
}
