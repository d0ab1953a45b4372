import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'

/** What others got while nothing else happened, or while the backlog was drained. */
export interface OthersFigures {
  readonly sendsPerS: number
  readonly sendP99Ms: number
  readonly tailReadsPerS: number
}

/** One backlog: made, and drained beside the load of others. */
export interface BacklogResult extends Recorded {
  readonly record: 'backlog'
  readonly label: string
  readonly about: string
  readonly run: number
  readonly messages: number
  readonly isCold: boolean
  readonly fillingS: number
  readonly before: OthersFigures
  readonly during: OthersFigures
  readonly drainedPerS: number
  /** Bytes that the device read for each byte of the log that was drained. */
  readonly deviceReadShare: number
  /** Mean of the reads the broker made, files and sockets. */
  readonly meanReadKiB: number
  readonly rssMiB: { readonly before: number; readonly max: number; readonly after: number }
}

export function isBacklogResult(record: Recorded): record is BacklogResult {
  return record.record === 'backlog'
}

/** Markdown: a row a figure, so that before and during stand beside each other. */
export function backlogReport(machines: readonly Machine[], results: readonly BacklogResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  for (const label of new Set(results.map((result) => result.label))) {
    const readings = results.filter((result) => result.label === label)
    const cell = (digits: number, read: (result: BacklogResult) => number) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    const row = (title: string, digits: number, read: (figures: OthersFigures) => number) => [
      title,
      cell(digits, ({ before }) => read(before)),
      cell(digits, ({ during }) => read(during)),
      cell(2, ({ before, during }) => read(during) / read(before)),
    ]
    const rows = [
      row('sends a second', 0, ({ sendsPerS }) => sendsPerS),
      row('their p99, ms', 2, ({ sendP99Ms }) => sendP99Ms),
      row('tail reads a second', 0, ({ tailReadsPerS }) => tailReadsPerS),
    ]
    const [first] = readings
    parts.push(
      `${label}, ${first?.messages.toLocaleString('en-US')} messages behind (${first?.about}), ${readings.length} runs:`,
      table(['load of others', 'before', 'while it drains', 'ratio'], rows),
      `Drained at ${cell(0, ({ drainedPerS }) => drainedPerS)} messages a second; the device read ` +
        `${cell(2, ({ deviceReadShare }) => deviceReadShare)} bytes for each byte of the log` +
        `${first?.isCold ? ' (page cache dropped before)' : ''}, ${cell(0, ({ meanReadKiB }) => meanReadKiB)} KiB a read; RSS ` +
        `${cell(0, ({ rssMiB }) => rssMiB.before)} MiB before, ${cell(0, ({ rssMiB }) => rssMiB.max)} at most, ` +
        `${cell(0, ({ rssMiB }) => rssMiB.after)} after. The backlog was made in ${cell(0, ({ fillingS }) => fillingS)} s.`,
    )
  }
  return parts.join('\n\n')
}
