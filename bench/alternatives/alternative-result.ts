import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'
import type { PublishFigures } from './publish-load.ts'

/** One server: start, rest and confirmed publishes. */
export interface AlternativeResult extends Recorded, PublishFigures {
  readonly record: 'alternative'
  readonly label: string
  readonly about: string
  readonly run: number
  readonly sizeBytes: number
  readonly firstConfirmMs: number
  readonly idleRssMiB: number
  readonly idleCpuPercent: number
  readonly rssAfterMiB: number
  readonly anonAfterMiB: number
}

export function isAlternativeResult(record: Recorded): record is AlternativeResult {
  return record.record === 'alternative'
}

/** Markdown: one row a server. */
export function alternativesReport(
  machines: readonly Machine[],
  results: readonly AlternativeResult[],
): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const labels = [...new Set(results.map(({ label }) => label))]
  const rows = labels.map((label) => {
    const readings = results.filter((result) => result.label === label)
    const cell = (digits: number, read: (result: AlternativeResult) => number | undefined) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    return [
      ...[label, String(readings.length)],
      cell(2, (result) => result.cpuUsPerMessage),
      cell(0, (result) => result.messagesPerS),
      cell(1, (result) => result.latencyP50Ms),
      cell(1, (result) => result.latencyP99Ms),
      cell(0, (result) => result.firstConfirmMs),
      cell(0, (result) => result.idleRssMiB),
      cell(1, (result) => result.idleCpuPercent),
      cell(0, (result) => result.rssAfterMiB),
      cell(0, (result) => result.anonAfterMiB),
      cell(1, (result) => result.otherCpuS),
      cell(0, (result) => result.refused),
    ]
  })
  const head = [
    ...['server', 'runs', 'server CPU us/msg', 'confirmed msgs/s', 'p50 ms', 'p99 ms', 'first confirm ms'],
    ...['idle RSS MiB', 'idle CPU %', 'RSS after MiB', 'of it anon', "others' CPU s", 'refused'],
  ]
  const abouts = [...new Set(results.map(({ label, about }) => `- ${label}: ${about}`))]
  return [...parts, table(head, rows), abouts.join('\n')].join('\n\n')
}
