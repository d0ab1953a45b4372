import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { benchDir } from '../measure/paths.ts'

/**
 * Runs `mvn package` in a folder of bench/ unless what it made is newer than every source of it.
 * @param made what the build leaves, relative to the folder
 */
export function mavenPackage(folder: string, made: string): void {
  const dir = join(benchDir, folder)
  const target = join(dir, made)
  const sources = [join(dir, 'pom.xml'), ...filesBelow(join(dir, 'src'))]
  if (existsSync(target)) {
    const madeMs = statSync(target).mtimeMs
    if (sources.every((source) => statSync(source).mtimeMs < madeMs)) return
  }
  process.stderr.write(`mvn package in bench/${folder}\n`)
  execFileSync('mvn', ['-B', '-q', 'package'], { cwd: dir, stdio: ['ignore', 2, 2], timeout: 1_200_000 })
  utimesSync(target, new Date(), new Date())
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
