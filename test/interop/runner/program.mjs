// A client program under the runner. It speaks lines that start with @ on its standard output; all else is
// its log.
//
//     @plan NAME...          the checks it is going to run
//     @ok NAME MS            a check held
//     @not-ok NAME REASON    a check did not
//     @restart, @kill        stop (or kill -9) the target, start it again; answered @done or @failed REASON
import { Child } from './processes.mjs'

/**
 * Runs a client program to its end and reports each check it planned exactly once.
 * @param target what @restart and @kill act on
 * @returns whether every check held
 */
export async function runProgram({ suite, command, args, env, cwd, logFile, limitMs, target, report }) {
  const verdicts = new Map()
  let planned = []
  const asked = {
    restart: () => target.restart(),
    kill: () => target.killAndStart(),
  }

  const onLine = (line, child) => {
    if (!line.startsWith('@')) return
    const [word, ...rest] = line.slice(1).split(' ')
    if (word === 'plan') planned = rest
    else if (word === 'ok') verdict(rest[0], () => report.ok(suite, rest[0], rest[1]))
    else if (word === 'not-ok') verdict(rest[0], () => notOk(rest[0], rest.slice(1).join(' ')))
    else if (asked[word]) carryOut(asked[word], child)
  }
  let allHeld = true
  const notOk = (check, reason) => {
    allHeld = false
    report.notOk(suite, check, reason)
  }
  const verdict = (check, tell) => {
    if (verdicts.has(check)) return
    verdicts.set(check, true)
    tell()
  }

  const started = Date.now()
  const child = new Child({ name: suite, command, args, env, cwd, logFile, onLine })
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const how = await child.ended
  clearTimeout(limit)
  const end = Date.now() - started >= limitMs ? `was killed after ${limitMs} ms` : `ended with ${how}`
  const missing = planned.filter((check) => !verdicts.has(check))
  for (const check of missing) notOk(check, `no verdict: the program ${end}`)
  if (planned.length === 0 || (missing.length === 0 && how !== 0)) {
    notOk('program', `${end}\n${await child.tail()}`)
  }
  return allHeld
}

async function carryOut(act, child) {
  try {
    await act()
    child.answer('@done')
  } catch (error) {
    child.answer(`@failed ${error.message.replaceAll('\n', ' | ')}`)
  }
}
