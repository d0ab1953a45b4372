import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'
import type { GeneratorResult } from '../raw/generator.ts'

/** One start under one Node.js, and the loads it got. */
export interface NodesResult extends Recorded {
  readonly record: 'nodes'
  readonly version: string
  readonly run: number
  readonly firstStoredMs: number
  readonly startCpuS: number
  /** By the generator's name of the load. */
  readonly loads: Readonly<Record<string, GeneratorResult>>
  /** After all loads. */
  readonly rssMiB: number
}

export function isNodesResult(record: Recorded): record is NodesResult {
  return record.record === 'nodes'
}

/** Markdown: a row a version. */
export function nodesReport(machines: readonly Machine[], results: readonly NodesResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const kinds = [...new Set(results.flatMap(({ loads }) => Object.keys(loads)))]
  const rows = [...new Set(results.map(({ version }) => version))].map((version) => {
    const readings = results.filter((result) => result.version === version)
    const cell = (digits: number, read: (result: NodesResult) => number | undefined) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    return [
      ...[version, String(readings.length)],
      ...kinds.flatMap((kind) => [
        cell(2, ({ loads }) => loads[kind]?.serverCpuUsPerMessage),
        cell(0, ({ loads }) => loads[kind]?.messagesPerS),
      ]),
      cell(0, ({ firstStoredMs }) => firstStoredMs),
      cell(2, ({ startCpuS }) => startCpuS),
      cell(0, ({ rssMiB }) => rssMiB),
    ]
  })
  const head = [
    ...['Node.js', 'runs', ...kinds.flatMap((kind) => [`${kind} us/msg`, 'msgs/s'])],
    ...['first stored message ms', 'CPU s until then', 'RSS MiB after'],
  ]
  return [...parts, table(head, rows)].join('\n\n')
}
