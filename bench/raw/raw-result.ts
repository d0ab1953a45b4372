import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'
import type { GeneratorResult } from './generator.ts'

/** One load on one server, with the echo server measured right before it. */
export interface RawResult extends Recorded {
  readonly record: 'raw'
  readonly kind: string
  readonly label: string
  readonly run: number
  readonly server: GeneratorResult
  readonly echo: GeneratorResult
}

export function isRawResult(record: Recorded): record is RawResult {
  return record.record === 'raw'
}

/** CPU time of a message divided by the CPU time of an echo of the same run: what a gate may compare. */
function echoRatio(result: RawResult): number {
  return result.server.serverCpuUsPerMessage / result.echo.serverCpuUsPerMessage
}

/** Markdown: one row a load and server. */
export function rawReport(machines: readonly Machine[], results: readonly RawResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const names = [...new Set(results.map(({ kind, label }) => `${kind} ${label}`))]
  const rows = names.map((name) => {
    const readings = results.filter(({ kind, label }) => `${kind} ${label}` === name)
    const cell = (digits: number, read: (result: RawResult) => number) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    const [kind = '', label = ''] = name.split(' ')
    return [
      ...[kind, label, String(readings.length)],
      cell(2, echoRatio),
      cell(2, ({ server }) => server.serverCpuUsPerMessage),
      cell(2, ({ echo }) => echo.serverCpuUsPerMessage),
      cell(0, ({ server }) => server.messagesPerS),
      cell(0, ({ server }) => server.serverCpuPercent),
      cell(2, ({ server }) => server.generatorCpuUsPerMessage),
      cell(0, ({ server }) => server.latencyP50Us),
      cell(0, ({ server }) => server.latencyP99Us),
      cell(0, ({ server }) => server.refused),
    ]
  })
  const head = [
    ...['load', 'server', 'runs', 'ratio to echo', 'CPU us/msg', 'echo CPU us/frame', 'msgs/s'],
    ...['server CPU %', 'generator CPU us/msg', 'p50 us', 'p99 us', 'refused'],
  ]
  return [...parts, table(head, rows)].join('\n\n')
}
