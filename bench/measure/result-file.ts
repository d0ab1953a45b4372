import { describeMachine, machineLine } from './machine.ts'
import { newResultFile } from './paths.ts'
import { appendRecord } from './records.ts'
import { say } from './report.ts'

/**
 * Begins a file of results, with the machine and the command as its first record, and says where it is.
 * @param script of package.json, such as `bench:raw`; results are named after what follows the colon
 */
export function beginResults(script: string): string {
  const file = newResultFile(script.replace('bench:', ''))
  const machine = describeMachine(`npm run ${script} -- ${process.argv.slice(2).join(' ')}`)
  appendRecord(file, machine)
  say(`${machineLine(machine)}\nresults go to ${file}`)
  return file
}
