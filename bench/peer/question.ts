import { isMachine, type Machine } from '../measure/machine.ts'
import { appendRecord, type Recorded, readRecords } from '../measure/records.ts'
import { ReportTarget, say } from '../measure/report.ts'
import { beginResults } from '../measure/result-file.ts'
import { type ChosenServers, chosenPlans } from './server-choice.ts'
import type { ServerPlan } from './server-plan.ts'

/** What servers are asked: each chosen one, run by run, on a fresh store. */
export interface Question<Result extends Recorded & { readonly label: string }> {
  /** Of the script in package.json behind `bench:`, and of the report's place in a document. */
  readonly name: string
  readonly options: ChosenServers & {
    readonly write?: string | undefined
    readonly from?: readonly string[] | undefined
  }
  readonly runs: number
  readonly measure: (run: number, plan: ServerPlan) => Promise<Result>
  /** What is said of a result as soon as it is there. */
  readonly told: (result: Result) => string
  readonly isResult: (record: Recorded) => record is Result
  readonly report: (machines: readonly Machine[], results: readonly Result[]) => string
}

/** Measures, or takes earlier results, and reports. */
export async function answer<Result extends Recorded & { readonly label: string }>(
  question: Question<Result>,
): Promise<void> {
  const { name, options, report, isResult } = question
  const target = new ReportTarget(options.write, name)
  const files = options.from ?? [await measured(question)]
  target.write(report(readRecords(files, isMachine), readRecords(files, isResult)))
}

/** @returns the file of the results */
async function measured<Result extends Recorded & { readonly label: string }>({
  name,
  options,
  runs,
  measure,
  told,
}: Question<Result>): Promise<string> {
  const file = beginResults(`bench:${name}`)
  for (let run = 1; run <= runs; run++) {
    for (const plan of await chosenPlans(options)) {
      const result = await measure(run, plan)
      appendRecord(file, result)
      say(`run ${run} ${result.label.padEnd(9)} ${told(result)}`)
    }
  }
  return file
}
