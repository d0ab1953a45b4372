// `npm run test:faults`: a broker in a process of its own meets what a machine can do to it, on the real kernel.
// What is not here (root, a program) is named, and its suites are left out.
//
//     node dist/test/faults/run.js [--only pause,full-disk,power-cut] [--cycles N] [--keep]
import { parseArgs } from 'node:util'
import { Lab } from './lab.ts'
import { suites } from './suites.ts'
import { missingOf } from './tool.ts'

const help = `npm run test:faults -- [options]
  --only a,b    these suites only
  --cycles N    times that a suite repeats what it repeats
  --keep        leaves the folders of stores and logs

${suites.map(({ name, about, needs }) => `  ${name.padEnd(10)} ${about}; needs ${needs.join(', ') || 'nothing more'}`).join('\n')}

Exit code: 0 all held, 1 one did not, 2 some could not run.
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: suites.map(({ name }) => name).join(',') },
    cycles: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(help)
else process.exitCode = await main()

async function main(): Promise<number> {
  const chosen = values.only.split(',').map((name) => {
    const suite = suites.find((each) => each.name === name)
    if (!suite) throw new RangeError(`there is no suite ${name}`)
    return suite
  })
  const lab = new Lab({
    cycles: values.cycles === undefined ? undefined : Number(values.cycles),
    isKept: values.keep,
    print: (line) => process.stdout.write(`${line}\n`),
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void lab.cleanup.all().then(() => process.exit(130)))
  }
  let leftOutCount = 0
  try {
    for (const suite of chosen) {
      const missing = missingOf(suite.needs)
      if (missing.length > 0) {
        leftOutCount++
        process.stdout.write(`left out ${suite.name}: it needs ${missing.join(', ')}\n`)
      } else await lab.run(suite.name, suite.run)
    }
  } finally {
    for (const failure of await lab.cleanup.all()) process.stderr.write(`not undone: ${failure}\n`)
  }
  const { passedCount, failedCount } = lab
  process.stdout.write(`${passedCount} passed, ${failedCount} failed, ${leftOutCount} suites left out\n`)
  if (failedCount > 0) return 1
  return leftOutCount > 0 ? 2 : 0
}
