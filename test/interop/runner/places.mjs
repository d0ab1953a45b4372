import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the suite lies, and the project that holds it. */
export const interopDir = dirname(dirname(fileURLToPath(import.meta.url)))
export const projectDir = dirname(dirname(interopDir))

/** Class path of a Maven module: its own classes and every jar it depends on. */
export function jarsOf(module) {
  const target = join(interopDir, 'java', module, 'target')
  return `${join(target, 'classes')}:${join(target, 'lib')}/*`
}
