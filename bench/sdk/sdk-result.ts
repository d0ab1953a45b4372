import { type Machine, machineLine } from '../measure/machine.ts'
import type { Recorded } from '../measure/records.ts'
import { table } from '../measure/report.ts'
import { formatSpread, type Spread, spreadOf } from '../measure/spread.ts'

/** What one load through one client cost that client. */
export interface SdkResult extends Recorded {
  readonly record: 'sdk'
  readonly scenario: string
  readonly client: 'sdk' | 'java'
  readonly run: number
  readonly messagesPerS: number
  /** utime + stime of the client's process in the window, microseconds per message. */
  readonly cpuUsPerMessage: number
  /** Promises that did not hold: such a row is no good figure. */
  readonly problems: readonly string[]
}

export function isSdkResult(record: Recorded): record is SdkResult {
  return record.record === 'sdk'
}

/** One line of progress. */
export function sdkLine({
  run,
  scenario,
  client,
  cpuUsPerMessage,
  messagesPerS,
  problems,
}: SdkResult): string {
  const figures = `${cpuUsPerMessage.toFixed(2).padStart(7)} us/msg ${messagesPerS.toFixed(0).padStart(8)} msgs/s`
  return `run ${run} ${scenario.padEnd(20)} ${client.padEnd(5)} ${figures} ${problems.join('; ')}`
}

/** Markdown: what a message costs each client, and how many each handles in a second of its CPU time. */
export function sdkReport(machines: readonly Machine[], results: readonly SdkResult[]): string {
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))]
  const rows = scenarios.map((scenario) => {
    const of = (client: SdkResult['client']) =>
      results.filter((result) => result.scenario === scenario && result.client === client)
    const [sdk, java] = [of('sdk'), of('java')]
    const cpu = ({ cpuUsPerMessage }: SdkResult) => cpuUsPerMessage
    const rate = ({ messagesPerS }: SdkResult) => messagesPerS
    return [
      ...[scenario, String(Math.min(sdk.length, java.length))],
      ...[sdk, java].map((some) => formatSpread(spreadOf(some.map(cpu)), 2)),
      formatSpread(ratios(java, sdk, cpu), 2),
      ...[sdk, java].map((some) => formatSpread(spreadOf(some.map(rate)), 0)),
      formatSpread(ratios(sdk, java, rate), 2),
    ]
  })
  const head = [
    ...['load', 'runs', 'SDK CPU us/msg', 'Java CPU us/msg', 'msgs per CPU second, SDK : Java'],
    ...['SDK msgs/s', 'Java msgs/s', 'msgs/s, SDK : Java'],
  ]
  const problems = results.flatMap(({ run, scenario, client, problems: found }) =>
    found.map((problem) => `- ${scenario}, ${client}, run ${run}: ${problem}`),
  )
  return [
    ...machines.map((machine) => `${machineLine(machine)}. Command: \`${machine.command}\`.`),
    'Median (min..max) over the runs; ratios compare the two windows of a run that followed each other.',
    table(head, rows),
    ...(problems.length > 0 ? [['Not as it should be:', '', ...problems].join('\n')] : []),
  ].join('\n\n')
}

/** What one has over the other, run by run. */
function ratios(
  above: readonly SdkResult[],
  below: readonly SdkResult[],
  read: (result: SdkResult) => number,
): Spread | undefined {
  return spreadOf(
    above.map((one) => {
      const other = below.find(({ run }) => run === one.run)
      return other && read(one) / read(other)
    }),
  )
}
