// What client programs in Node.js have in common: they run their checks one after the other and tell the runner
// (runner/program.mjs) in lines that begin with @.
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

const CHECK_MS_MAX = 120_000

export async function until(isSo) {
  const deadlineMs = Date.now() + CHECK_MS_MAX
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) throw new Error(`it did not come: ${isSo}`)
    await pause(20)
  }
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** Has the runner do something with the target: `restart` or `kill`. */
export async function ask(what) {
  process.stdout.write(`@${what}\n`)
  for (;;) {
    const { value = '@failed no answer' } = await answers.next()
    if (value === '@done') return
    if (value.startsWith('@failed')) throw new Error(value)
  }
}

/**
 * Runs checks in their order.
 * @param checks what each does, by its name
 * @param chosen names of those that run; none: all
 */
export async function runChecks(checks, chosen) {
  const names = Object.keys(checks).filter((name) => chosen.length === 0 || chosen.includes(name))
  process.stdout.write(`@plan ${names.join(' ')}\n`)
  for (const name of names) {
    const startMs = Date.now()
    try {
      await checks[name]()
      process.stdout.write(`@ok ${name} ${Date.now() - startMs}\n`)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.stdout.write(`@not-ok ${name} ${text.replaceAll('\n', ' | ')}\n`)
    }
  }
}
