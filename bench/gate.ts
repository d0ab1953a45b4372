// Has the CPU that a message costs the broker grown by more than a quarter?
//
// The whole broker runs in this process, on a memory disk and connections within the process, so that no kernel and no other
// process is measured. Loads of sends and pulls alternate with a reference of fixed work (JSON.parse and a copy of the
// same headers), and the least CPU time of each counts: their ratio hardly depends on the machine or on what else it
// does. About 20 s. `--write` keeps the ratios of this machine as what later runs are held against.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BrokerLoad } from './gate/broker-load.ts'
import { benchDir } from './measure/paths.ts'
import { table } from './measure/report.ts'

/** Growth that fails. */
const GROWTH_MAX = 1.25

const ROUNDS_MIN = 40

/** A load that is still above its bound is measured again so often, in case the machine was busy. */
const ROUNDS_MAX = 160

const baselinePath = join(benchDir, 'gate-baseline.json')
const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } })

type Baseline = Readonly<Record<string, number>>

const load = await BrokerLoad.start()
const least = new Map<string, number>()

async function measure(name: string, run: () => void): Promise<void> {
  const before = process.cpuUsage()
  run()
  // the turn in which the broker writes and answers
  await turn()
  const { user, system } = process.cpuUsage(before)
  least.set(name, Math.min(least.get(name) ?? Number.POSITIVE_INFINITY, (user + system) / load.messagesARun))
}

function ratios(): Map<string, number> {
  const reference = least.get('reference') ?? Number.NaN
  return new Map(
    [...least].filter(([name]) => name !== 'reference').map(([name, us]) => [name, us / reference]),
  )
}

const baseline: Baseline = options.write ? {} : JSON.parse(readFileSync(baselinePath, 'utf8'))
const isAbove = ([name, ratio]: [string, number]): boolean =>
  ratio > (baseline[name] ?? Number.POSITIVE_INFINITY) * GROWTH_MAX
for (let round = 0; round < ROUNDS_MIN || (round < ROUNDS_MAX && [...ratios()].some(isAbove)); round++) {
  await measure('reference', () => load.reference())
  await measure('send, JSON header', () => load.sendJson())
  await measure('send, binary header', () => load.sendBinary())
  await measure('send, batches of 32', () => load.sendBatches())
  await measure('pull of 32', () => load.pull())
}
load.check()
await load.stop()

const rows = [...ratios()].map(([name, ratio]) => {
  const bound = (baseline[name] ?? ratio) * GROWTH_MAX
  return [
    name,
    (least.get(name) ?? 0).toFixed(2),
    ratio.toFixed(2),
    (baseline[name] ?? ratio).toFixed(2),
    bound.toFixed(2),
  ]
})
process.stdout.write(`${table(['load', 'CPU us/message', 'ratio', 'baseline', 'fails above'], rows)}\n`)
if (options.write)
  writeFileSync(
    baselinePath,
    `${JSON.stringify(Object.fromEntries([...ratios()].map(([name, ratio]) => [name, Number(ratio.toFixed(2))])), undefined, 2)}\n`,
  )
const failed = [...ratios()].filter(isAbove).length
process.stdout.write(`${ratios().size - failed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
