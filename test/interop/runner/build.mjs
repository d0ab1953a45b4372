// Tools and builds: the clients come from the public registries through Maven, Go and npm;
// nothing that was built is kept in git.
import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { interopDir } from './places.mjs'
import { runToEnd } from './processes.mjs'

const BUILD_MS_MAX = 1_800_000
const JAVA_MAJOR_MIN = 17
const javaDir = join(interopDir, 'java')
const goDir = join(interopDir, 'go')
const aliOnsDir = join(interopDir, 'ali-ons')

/** The built Go program. */
export const goProgram = join(goDir, 'bin/interop')

/** @throws Error that names the first tool that is missing or too old */
export async function checkTools() {
  const java = await version('java', ['-version'])
  const major = Number(/version "(\d+)/.exec(java)?.[1])
  if (!(major >= JAVA_MAJOR_MIN)) throw new Error(`java ${JAVA_MAJOR_MIN} or newer is wanted, found: ${java}`)
  await version('mvn', ['-v'])
  await version('go', ['version'])
}

async function version(tool, args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(tool, args)
    return (stdout + stderr).split('\n')[0]
  } catch (cause) {
    throw new Error(`${tool} is missing: the interop suite needs a JDK ${JAVA_MAJOR_MIN}, Maven and Go`, {
      cause,
    })
  }
}

/** Builds every client program; quick when nothing changed. */
export async function buildAll(logDir) {
  const installed = installAliOns(logDir)
  await buildJava(logDir)
  await runToEnd({
    name: 'go build',
    command: 'go',
    args: ['build', '-o', goProgram, '.'],
    cwd: goDir,
    logFile: join(logDir, 'go-build.log'),
    limitMs: BUILD_MS_MAX,
  })
  await installed
}

/** @param logDir where npm's words go */
async function installAliOns(logDir) {
  const installed = await stat(join(aliOnsDir, 'node_modules/.package-lock.json')).catch(() => undefined)
  if (installed && installed.mtimeMs > (await stat(join(aliOnsDir, 'package-lock.json'))).mtimeMs) return
  await runToEnd({
    name: 'npm ci',
    command: 'npm',
    args: ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
    cwd: aliOnsDir,
    logFile: join(logDir, 'npm-ci.log'),
    limitMs: BUILD_MS_MAX,
  })
}

/** Builds what Maven builds, the real RocketMQ's class path included. */
export async function buildJava(logDir) {
  const stampDir = join(javaDir, 'target')
  const stamp = join(stampDir, 'built')
  const built = await stat(stamp).catch(() => undefined)
  if (built && built.mtimeMs > (await newest(javaDir))) return
  await runToEnd({
    name: 'mvn package',
    command: 'mvn',
    args: ['-B', '-q', 'package'],
    cwd: javaDir,
    logFile: join(logDir, 'mvn-package.log'),
    limitMs: BUILD_MS_MAX,
  })
  await mkdir(stampDir, { recursive: true })
  await writeFile(stamp, '')
}

/** Time of the newest source under `dir`, build outputs left out. */
async function newest(dir) {
  let time = 0
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.name === 'target') continue
    const path = join(dir, entry.name)
    time = Math.max(time, entry.isDirectory() ? await newest(path) : (await stat(path)).mtimeMs)
  }
  return time
}
