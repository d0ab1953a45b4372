import { type Machine, machineLine } from '../measure/machine.ts'
import { table } from '../measure/report.ts'
import { formatSpread, type Spread, spreadOf } from '../measure/spread.ts'
import type { LoadFailure, LoadRecord, LoadResult } from './load-result.ts'

/** A figure of the tables: how it is called, read and rounded. */
interface Figure {
  readonly title: string
  readonly digits: number
  readonly read: (result: LoadResult) => number | undefined
}

const milliseconds = (us: number | undefined) => (us === undefined ? undefined : us / 1000)

const cpu: Figure = { title: 'broker CPU us/msg', digits: 2, read: (r) => r.brokerCpuUsPerMessage }
const rate: Figure = { title: 'msgs/s', digits: 0, read: (r) => r.messagesPerS }
const p50: Figure = { title: 'p50 ms', digits: 2, read: (r) => milliseconds(r.latencyP50Us) }
const p99: Figure = { title: 'p99 ms', digits: 2, read: (r) => milliseconds(r.latencyP99Us) }
const rss: Figure = { title: 'RSS MiB', digits: 0, read: (r) => r.brokerRssMiB }

const compared = [cpu, rate, p50, p99, rss]

const shown: readonly Figure[] = [
  ...[cpu, rate, p50, p99],
  { title: 'p99.9 ms', digits: 2, read: (r) => milliseconds(r.latencyP999Us) },
  { title: 'client CPU us/msg', digits: 2, read: (r) => r.clientCpuUsPerMessage },
  rss,
  { title: 'of it anon', digits: 0, read: (r) => r.brokerAnonMiB },
  { title: 'disk flushes/s', digits: 0, read: (r) => r.diskFlushesPerS },
  { title: "others' CPU s", digits: 1, read: (r) => r.otherCpuS },
  { title: 'errors', digits: 0, read: (r) => r.errors },
]

/** Pairs of scenarios that say something within one server: what the first carries of the second. */
const siblings: readonly (readonly [string, string])[] = [['many-topics', 'send-sync-64']]

/** One line of progress. */
export function loadLine(result: LoadRecord): string {
  const what = `run ${result.run} ${result.scenario.padEnd(20)} ${result.label.padEnd(9)}`
  if (result.record === 'failure') return `${what} ${failureText(result)}`
  const { messagesPerS, brokerCpuUsPerMessage, latencyP50Us, latencyP99Us, otherCpuS, problems } = result
  const latency = latencyP50Us === undefined ? '' : `  p50/p99 ${latencyP50Us}/${latencyP99Us} us`
  return (
    `${what} ${brokerCpuUsPerMessage.toFixed(2).padStart(9)} us/msg ${messagesPerS.toFixed(0).padStart(8)} msgs/s` +
    `${latency}  others ${otherCpuS.toFixed(1)} s${problems.map((problem) => `  PROBLEM ${problem}`).join('')}`
  )
}

/** Markdown: ratios first, then the figures behind them, then what went wrong. */
export function loadReport(machines: readonly Machine[], records: readonly LoadRecord[]): string {
  const measured = records.filter((record) => record.scenario !== 'prewarm')
  const results = measured.filter((record): record is LoadResult => record.record === 'load')
  const scenarios = [...new Set(results.map((result) => result.scenario))]
  const labels = [...new Set(results.map((result) => result.label))].sort(ternmqFirst)
  const [ours, peer] = labels
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  if (ours !== undefined && peer !== undefined) {
    parts.push(
      `Ratios ${ours} : ${peer}, median (min..max) over the runs; each run compares two windows that follow each other.`,
      ratioTable(results, scenarios, [ours, peer]),
    )
  }
  parts.push('Figures, median (min..max) over the runs.', figureTable(results, scenarios, labels))
  parts.push(...siblingLines(results, labels))
  const notes = measured.flatMap(notesOf)
  if (notes.length > 0) parts.push(['Not as it should be:', '', ...notes].join('\n'))
  return parts.join('\n\n')
}

function ratioTable(
  results: readonly LoadResult[],
  scenarios: readonly string[],
  [ours, peer]: readonly [string, string],
): string {
  const rows = scenarios.map((scenario) => {
    const of = (label: string) => results.filter((r) => r.scenario === scenario && r.label === label)
    return [scenario, ...compared.map((figure) => formatSpread(ratios(of(ours), of(peer), figure), 2))]
  })
  return table(
    ['scenario', ...compared.map(({ title }) => `${title.replace(/ (us\/msg|ms|MiB)$/, '')} ratio`)],
    rows,
  )
}

/** Ratios between the readings of the same run. */
function ratios(
  ours: readonly LoadResult[],
  peers: readonly LoadResult[],
  figure: Figure,
): Spread | undefined {
  return spreadOf(
    ours.map((our) => {
      const peer = peers.find(({ run }) => run === our.run)
      const [mine, other] = [figure.read(our), peer && figure.read(peer)]
      return mine === undefined || !other ? undefined : mine / other
    }),
  )
}

function figureTable(
  results: readonly LoadResult[],
  scenarios: readonly string[],
  labels: readonly string[],
): string {
  const rows = scenarios.flatMap((scenario) =>
    labels.map((label) => {
      const readings = results.filter((r) => r.scenario === scenario && r.label === label)
      const cells = shown.map(({ read, digits }) => formatSpread(spreadOf(readings.map(read)), digits))
      return [scenario, label, String(readings.length), ...cells]
    }),
  )
  return table(['scenario', 'server', 'runs', ...shown.map(({ title }) => title)], rows)
}

/** A sentence for each pair of `siblings` and server that both were measured on. */
function siblingLines(results: readonly LoadResult[], labels: readonly string[]): string[] {
  return siblings.flatMap(([scenario, than]) =>
    labels.flatMap((label) => {
      const of = (name: string) => results.filter((r) => r.scenario === name && r.label === label)
      const ratio = ratios(of(scenario), of(than), rate)
      return ratio ? [`${label}: ${scenario} carries ${formatSpread(ratio, 2)} times what ${than} does.`] : []
    }),
  )
}

function notesOf(record: LoadRecord): string[] {
  const where = `- ${record.scenario}, ${record.label}, run ${record.run}:`
  if (record.record === 'failure') return [`${where} ${failureText(record)}`]
  const notes = record.problems.map((problem) => `${where} ${problem}`)
  if (record.errors > 0) notes.push(`${where} ${record.errors} errors, the first ${record.firstError ?? '?'}`)
  return notes
}

function failureText(failure: LoadFailure): string {
  return `failed: ${failure.reason.replace(/\s+/g, ' ').slice(0, 300)}`
}

function ternmqFirst(a: string, b: string): number {
  return Number(b === 'ternmq') - Number(a === 'ternmq') || a.localeCompare(b)
}
