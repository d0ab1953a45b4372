import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import type { GeneratorResult } from '../raw/generator.ts'
import { type Dimension, dimensions } from './dimensions.ts'

/** One load of one dimension. */
export interface SizeResult extends Recorded {
  readonly record: 'size'
  readonly dimension: string
  readonly point: string
  readonly bodyBytes: number
  readonly server: GeneratorResult
  /** CPU of an echo server under the same load. */
  readonly echoCpuUs?: number
  /** Of the broker at the end of the load. */
  readonly rssMiB: number
}

export function isSizeResult(record: Recorded): record is SizeResult {
  return record.record === 'size'
}

/** Markdown: a table and a chart for each dimension. */
export function sizesReport(machines: readonly Machine[], results: readonly SizeResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  for (const dimension of dimensions) {
    const rows = results.filter((result) => result.dimension === dimension.name)
    if (rows.length > 0) parts.push(dimensionTable(dimension, rows), dimensionChart(dimension, rows))
  }
  return parts.join('\n\n')
}

function dimensionTable({ name, hasEcho }: Dimension, results: readonly SizeResult[]): string {
  const rows = results.map(({ point, server, echoCpuUs, rssMiB }) => [
    point,
    server.serverCpuUsPerMessage.toFixed(2),
    ...(hasEcho ? [echoCpuUs?.toFixed(2) ?? '-'] : []),
    server.messagesPerS.toLocaleString('en-US'),
    (server.latencyP50Us / 1000).toFixed(2),
    (server.latencyP99Us / 1000).toFixed(2),
    server.serverCpuPercent.toFixed(0),
    rssMiB.toFixed(0),
  ])
  const head = [
    ...[name, 'CPU us a message', ...(hasEcho ? ['of an echo server'] : []), 'msgs/s'],
    ...['p50 ms', 'p99 ms', 'server CPU %', 'RSS MiB'],
  ]
  return table(head, rows)
}

/** A chart as GitHub draws it. */
function dimensionChart({ name, chart }: Dimension, results: readonly SizeResult[]): string {
  const values = results.map(({ server, bodyBytes }) =>
    chart === 'CPU us a message' ? server.serverCpuUsPerMessage : bodyBytes / server.serverCpuUsPerMessage,
  )
  return [
    '```mermaid',
    'xychart-beta',
    `  x-axis "${name}" [${results.map(({ point }) => `"${point}"`).join(', ')}]`,
    `  y-axis "${chart}"`,
    `  bar [${values.map((value) => value.toFixed(2)).join(', ')}]`,
    '```',
  ].join('\n')
}
