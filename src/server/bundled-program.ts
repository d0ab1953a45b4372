import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

/** What cli.ts exports. */
interface Cli {
  runCli(argv: readonly string[]): Promise<void>
}

/** What a file of scripts/bundle.mjs is: a function around what esbuild calls CommonJS. */
type Bundle<Exports> = (
  require: (id: string) => unknown,
  module: { exports: Exports | undefined },
  bundleUrl: string,
) => void

/** A bundle that is loaded, and what can make its code cache. */
interface LoadedBundle<Exports> {
  readonly exports: Exports
  readonly script: Script
}

/**
 * Loads the program that scripts/bundle.mjs has put into the file cli.cjs.
 * @param folder where it and its code cache are
 */
export function loadBundledProgram(folder: URL): LoadedBundle<Cli> {
  // Few young objects outlive a scavenge here: helper threads cost more than they take off the loop, which has to wait for those
  // that get no core (docs/decisions/0014). Set before the cache is read, as it is good for the same flags only.
  setFlagsFromString('--no-parallel-scavenge')
  return loadBundle(new URL('cli.cjs', folder))
}

/**
 * Loads a bundle with V8's code cache of it that lies beside: a third of the start would be parsing and compiling. A V8 that did not
 * make the cache refuses it and compiles (docs/decisions/0013).
 * @param shared modules of its own that the bundle has in common with whoever loads it, by name
 */
export function loadBundle<Exports>(
  url: URL,
  shared: Readonly<Record<string, unknown>> = {},
): LoadedBundle<Exports> {
  const script = new Script(readFileSync(url, 'latin1'), {
    filename: fileURLToPath(url),
    cachedData: codeCache(new URL(url.href.replace(/cjs$/, 'cache'))),
  })
  const bundle: Bundle<Exports> = script.runInThisContext()
  const require = createRequire(url)
  const module: { exports: Exports | undefined } = { exports: undefined }
  bundle((id) => shared[id] ?? require(id), module, url.href)
  if (!module.exports) throw new Error(`${url.href} is no bundle`)
  return { exports: module.exports, script }
}

/** @returns undefined while the bundle is being made */
function codeCache(file: URL): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
