import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'
import type { StartTimes } from '../peer/measured-server.ts'

/** A long log, a kill under load, and the two starts after it. */
export interface RecoveryResult extends Recorded {
  readonly record: 'recovery'
  readonly label: string
  readonly about: string
  readonly run: number
  /** Length of the log, without what the load at the kill has added. */
  readonly gib: number
  readonly body: number
  readonly logFiles: number
  /** Whether the page cache was dropped before each start. */
  readonly isCold: boolean
  /** Time to write the log. */
  readonly fillingS: number
  /** The start after the kill, and the one after a clean stop. */
  readonly killed: StartTimes
  readonly clean: StartTimes
  readonly stopMs: number
  /** Resident memory of the broker right after the start that recovered. */
  readonly rssMiB: number
}

export function isRecoveryResult(record: Recorded): record is RecoveryResult {
  return record.record === 'recovery'
}

/** Markdown: one row a server and log. */
export function recoveryReport(machines: readonly Machine[], results: readonly RecoveryResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const kinds = [...new Set(results.map(kindOf))]
  const rows = kinds.map((kind) => {
    const readings = results.filter((result) => kindOf(result) === kind)
    const cell = (digits: number, read: (result: RecoveryResult) => number) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    return [
      ...[kind, String(readings.length)],
      cell(0, (result) => result.killed.firstStoredMs),
      cell(2, (result) => result.killed.cpuS),
      cell(0, (result) => result.clean.firstStoredMs),
      cell(2, (result) => result.clean.cpuS),
      cell(0, (result) => result.stopMs),
      cell(0, (result) => result.rssMiB),
      cell(0, (result) => result.fillingS),
    ]
  })
  const head = [
    ...['server', 'runs', 'start after kill -9 ms', 'CPU s', 'start after a clean stop ms', 'CPU s'],
    ...['clean stop ms', 'RSS MiB', 'writing the log s'],
  ]
  const abouts = [...new Set(results.map(({ label, about }) => `- ${label}: ${about}`))]
  return [...parts, table(head, rows), abouts.join('\n')].join('\n\n')
}

function kindOf({ label, gib, body, isCold }: RecoveryResult): string {
  return `${label}, ${gib} GiB of ${body} B messages${isCold ? ', cold' : ''}`
}
