import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'
import type { StartTimes } from '../peer/measured-server.ts'

/** One start of a server on an empty store, and the rest after it. */
export interface StartupResult extends Recorded, StartTimes {
  readonly record: 'startup'
  readonly label: string
  readonly about: string
  readonly run: number
  /** Time between the first stored message and the reading of the memory. */
  readonly idleS: number
  readonly brokerRssMiB: number
  /** All processes: with RocketMQ the name server too. */
  readonly rssMiB: number
  readonly anonMiB: number
  /** Of one core, over the last seconds. */
  readonly idleCpuPercent: number
}

export function isStartupResult(record: Recorded): record is StartupResult {
  return record.record === 'startup'
}

/** Markdown: one row a server. */
export function startupReport(machines: readonly Machine[], results: readonly StartupResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const labels = [...new Set(results.map(({ label }) => label))]
  const rows = labels.map((label) => {
    const readings = results.filter((result) => result.label === label)
    const cell = (digits: number, read: (result: StartupResult) => number | undefined) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    return [
      ...[label, String(readings.length)],
      cell(0, (result) => result.namesrvReadyMs),
      cell(0, (result) => result.firstStoredMs),
      cell(2, (result) => result.cpuS),
      cell(0, (result) => result.brokerRssMiB),
      cell(0, (result) => result.rssMiB),
      cell(0, (result) => result.anonMiB),
      cell(1, (result) => result.idleCpuPercent),
    ]
  })
  const head = [
    ...['server', 'runs', 'name server ready ms', 'first stored message ms', 'CPU s until then'],
    ...['idle broker RSS MiB', 'idle RSS MiB, all', 'of it anon', 'idle CPU % of a core'],
  ]
  const abouts = [...new Set(results.map(({ label, about }) => `- ${label}: ${about}`))]
  return [...parts, table(head, rows), abouts.join('\n')].join('\n\n')
}
