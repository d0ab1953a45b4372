import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, spreadOf } from '../measure/spread.ts'

/** One store with very many queues, through its first start, a clean stop, and a kill right after a message to each queue. */
export interface QueuesResult extends Recorded {
  readonly record: 'queues'
  readonly label: string
  readonly about: string
  readonly run: number
  readonly topics: number
  /** Of all topics. */
  readonly queues: number
  /** From exec to the first stored message, on an empty store. */
  readonly emptyStartMs: number
  readonly cleanStopMs: number
  readonly cleanStartMs: number
  readonly cleanStartCpuS: number
  readonly killedStartMs: number
  readonly killedStartCpuS: number
  /** Resident memory of the broker: with nothing, after half was made and sent, and after a restart with all. */
  readonly emptyMiB: number
  readonly filledMiB: number
  readonly idleMiB: number
  /** Of one core, after the restart. */
  readonly idleCpuPercent: number
  /** What the second half of the queues has added to the memory of a broker that has just been started, for each queue. */
  readonly bytesPerQueue: number
}

export function isQueuesResult(record: Recorded): record is QueuesResult {
  return record.record === 'queues'
}

/** Markdown: one row a server and size. */
export function queuesReport(machines: readonly Machine[], results: readonly QueuesResult[]): string {
  const parts = machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`)
  const kinds = [...new Set(results.map(kindOf))]
  const rows = kinds.map((kind) => {
    const readings = results.filter((result) => kindOf(result) === kind)
    const cell = (digits: number, read: (result: QueuesResult) => number) =>
      formatSpread(spreadOf(readings.map(read)), digits)
    return [
      ...[kind, String(readings.length)],
      cell(0, (result) => result.emptyStartMs),
      cell(0, (result) => result.cleanStartMs),
      cell(2, (result) => result.cleanStartCpuS),
      cell(0, (result) => result.killedStartMs),
      cell(2, (result) => result.killedStartCpuS),
      cell(0, (result) => result.cleanStopMs),
      cell(0, (result) => result.emptyMiB),
      cell(0, (result) => result.idleMiB),
      cell(0, (result) => result.filledMiB),
      cell(0, (result) => result.bytesPerQueue),
      cell(1, (result) => result.idleCpuPercent),
    ]
  })
  const head = [
    ...['server', 'runs', 'empty start ms', 'clean start ms', 'CPU s', 'start after kill -9 ms', 'CPU s'],
    ...['clean stop ms', 'RSS MiB empty', 'with queues', 'after making them'],
    ...['bytes an idle queue', 'idle CPU %'],
  ]
  const abouts = [...new Set(results.map(({ label, about }) => `- ${label}: ${about}`))]
  return [...parts, table(head, rows), abouts.join('\n')].join('\n\n')
}

function kindOf({ label, topics, queues }: QueuesResult): string {
  return `${label}, ${topics} topics, ${queues} queues`
}
