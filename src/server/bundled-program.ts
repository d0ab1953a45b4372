import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

/** What cli.ts exports. */
interface Cli {
  runCli(argv: readonly string[]): Promise<void>
}

/** The file cli.cjs: a function around what esbuild calls CommonJS. */
type Bundle = (require: NodeJS.Require, module: { exports: Cli | undefined }, bundleUrl: string) => void

/**
 * Loads the program that scripts/bundle.mjs has put into the file cli.cjs, with V8's code cache of it that lies beside: a third of
 * the start would be parsing and compiling. A V8 that did not make the cache refuses it and compiles (docs/decisions/0013).
 * @param folder where both files are
 */
export function loadBundledProgram(folder: URL): { readonly cli: Cli; readonly script: Script } {
  // Few young objects outlive a scavenge here: helper threads cost more than they take off the loop, which has to wait for those
  // that get no core (docs/decisions/0014). Set before the cache is read, as it is good for the same flags only.
  setFlagsFromString('--no-parallel-scavenge')
  const url = new URL('cli.cjs', folder)
  const script = new Script(readFileSync(url, 'latin1'), {
    filename: fileURLToPath(url),
    cachedData: codeCache(new URL('cli.cache', folder)),
  })
  const bundle: Bundle = script.runInThisContext()
  const module: { exports: Cli | undefined } = { exports: undefined }
  bundle(createRequire(url), module, url.href)
  if (!module.exports) throw new Error(`${url.href} is no bundle`)
  return { cli: module.exports, script }
}

/** @returns undefined while the bundle is being made */
function codeCache(file: URL): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
