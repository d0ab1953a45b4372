// `npm run test:crash`: kill -9 of a broker under load, again and again. Nothing that was acknowledged may be
// gone.
//
//     node dist/test/crash/run.js [--cycles 100] [--flush async|sync|both] [--features] [--seed TEXT]
//
// `--features` has delay, timers, retry, transactions, pop (in order, too), order and deduplication in flight beside plain messages.
import { parseArgs } from 'node:util'
import { runCrashCycles } from './crash-cycles.ts'
import { featureTable } from './features/feature-tally.ts'
import { type Ledger, summaryText } from './ledger.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '100' },
    flush: { type: 'string', default: 'both' },
    features: { type: 'boolean', default: false },
    seed: { type: 'string' },
  },
})
const cycles = Number(values.cycles)
const modes = (['async', 'sync'] as const).filter((mode) => values.flush === mode || values.flush === 'both')
if (!Number.isSafeInteger(cycles) || cycles < 1 || modes.length === 0) {
  process.stderr.write(
    'usage: run.js [--cycles COUNT] [--flush async|sync|both] [--features] [--seed TEXT]\n',
  )
  process.exit(2)
}
for (const flush of modes) {
  const startMs = performance.now()
  const onCycle = ({ summary }: Ledger): void => {
    if (summary.cycles % 10 === 0) process.stderr.write(`${flush}: ${summaryText(summary)}\n`)
  }
  const { features: hasFeatures, seed } = values
  const options = { flush, cycles, hasFeatures, onCycle, ...(seed !== undefined && { seed }) }
  const { ledger, tallies, isClean, findings } = await runCrashCycles(options)
  for (const finding of findings.slice(0, 40)) process.stdout.write(`${finding}\n`)
  for (const note of ledger.notes.slice(0, 5)) process.stderr.write(`the broker has logged: ${note}\n`)
  const seconds = Math.round((performance.now() - startMs) / 1000)
  if (tallies.length > 0) process.stdout.write(`${featureTable(tallies)}\n`)
  process.stdout.write(`${flush} flush, ${seconds} s: ${summaryText(ledger.summary)}\n`)
  if (!isClean) process.exitCode = 1
}
