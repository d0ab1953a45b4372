// The interop suite: official clients from the package registries drive a broker, see README.md.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildAll, checkTools } from './runner/build.mjs'
import { lies } from './runner/lies.mjs'
import { killAll } from './runner/processes.mjs'
import { Report, say } from './runner/report.mjs'
import { suites } from './runner/suites.mjs'
import { storeDirs, targetKinds } from './runner/targets.mjs'

const RUN_MS_MAX = 60 * 60_000

const { values: options } = parseArgs({
  options: {
    target: { type: 'string', default: 'ternmq' },
    only: { type: 'string', default: '' },
    check: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    lie: { type: 'string' },
    record: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})

process.exitCode = await main()

/** @returns the exit code: 0 when every check held, 1 when one did not, 2 when the suite could not run */
async function main() {
  const chosen = choose()
  if (!chosen) return 2
  const dir = await mkdtemp(join(tmpdir(), 'interop-'))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => endEarly(signal, dir))
  process.on('uncaughtException', (error) => endEarly(`a fault of the runner: ${error.stack}`, dir))
  const limit = setTimeout(() => endEarly(`the limit of ${RUN_MS_MAX} ms`, dir), RUN_MS_MAX)
  const report = new Report()
  try {
    await checkTools()
    await buildAll(dir)
    await runSuites(chosen, dir, report)
  } catch (error) {
    say(error.message)
    return 2
  } finally {
    clearTimeout(limit)
    await killAll()
    await cleanUp(dir, report)
  }
  report.close()
  return report.failedCount === 0 && report.passedCount > 0 ? 0 : 1
}

function choose() {
  const names = suites.map(({ name }) => name)
  const wanted = list(options.only)
  const unknown = wanted.filter((name) => !names.includes(name))
  const unknownLie = options.lie !== undefined && !Object.hasOwn(lies, options.lie)
  if (unknown.length > 0 || unknownLie || !targetKinds.includes(options.target)) {
    say(`usage: run.mjs [--target ${targetKinds.join('|')}] [--only SUITE,...] [--check NAME,...]`)
    say('       [--jobs COUNT] [--lie NAME] [--keep]')
    say(`suites: ${names.join(' ')}`)
    say(`lies: ${Object.keys(lies).join(' ')}`)
    return undefined
  }
  return suites.filter(({ name, isOptional }) => (wanted.length === 0 ? !isOptional : wanted.includes(name)))
}

function list(text) {
  return text.split(',').filter(Boolean)
}

/** `--jobs` suites at a time: each has a target, ports and a directory of its own. */
async function runSuites(chosen, runDir, report) {
  const waiting = [...chosen]
  const worker = async () => {
    for (let suite = waiting.shift(); suite; suite = waiting.shift()) await runSuite(suite, runDir, report)
  }
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker))
}

async function runSuite(suite, runDir, report) {
  const dir = join(runDir, suite.name)
  await mkdir(dir)
  const started = Date.now()
  try {
    const checks = list(options.check)
    await suite.run({
      name: suite.name,
      dir,
      kind: options.target,
      lie: options.lie,
      checks,
      report,
      record: options.record,
    })
  } catch (error) {
    report.notOk(suite.name, 'target', error.message)
  }
  say(`# ${suite.name}: ${Math.round((Date.now() - started) / 1000)} s`)
}

/** Stores go away; logs stay where a check failed, so that somebody can read why. */
async function cleanUp(dir, report) {
  if (options.keep) return say(`kept: ${dir}`)
  if (report.failedCount === 0) return rm(dir, { recursive: true })
  for (const storeDir of storeDirs) await rm(storeDir, { recursive: true, force: true })
  say(`logs: ${dir}`)
}

async function endEarly(why, dir) {
  say(`ended early by ${why}; logs: ${dir}`)
  await killAll()
  process.exit(1)
}
