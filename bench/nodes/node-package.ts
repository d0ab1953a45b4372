import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchDir } from '../measure/paths.ts'

/**
 * The newest Node.js of a major version as npm's package `node` has it, below bench/peer/bin unless it is there already.
 * @returns path of the program
 */
export function nodeOf(major: string): string {
  if (!/^\d+$/.test(major)) throw new RangeError(`nodes wants major versions, not "${major}"`)
  const dir = join(benchDir, 'peer/bin', `node-${major}`)
  const program = join(dir, 'node_modules/node/bin/node')
  if (existsSync(program)) return program
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), '{ "private": true }\n')
  // its install script fetches the program itself
  const argv = ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts=false', `node@${major}`]
  execFileSync('npm', argv, { cwd: dir, stdio: ['ignore', 2, 2], timeout: 600_000 })
  return program
}

/** As `node --version` says, without its `v`. */
export function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim().slice(1)
}
