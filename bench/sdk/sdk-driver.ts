import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type LoadSettings, runScenario } from '../load/load-driver.ts'
import { projectDir } from '../measure/paths.ts'
import { parseRecord } from '../measure/records.ts'
import { interrupted } from '../peer/interruption.ts'
import type { MeasuredServer } from '../peer/measured-server.ts'
import type { SdkOrder } from './sdk-load.ts'
import { isSdkResult, type SdkResult } from './sdk-result.ts'

/** Prefill, drain and the waits at the end of a scenario, beyond warm-up and window. */
const EXTRA_MS_MAX = 300_000

const execute = promisify(execFile)

export interface SdkRun {
  readonly scenario: string
  readonly run: number
  readonly server: MeasuredServer
  readonly settings: LoadSettings
  /** For the SDK's process, such as `--cpu-prof`. */
  readonly nodeArgv: readonly string[]
}

/** Runs one load through `ternmq/client` in a fresh process. @throws Error when it gave no figures */
export async function runSdk({ scenario, run, server, settings, nodeArgv }: SdkRun): Promise<SdkResult> {
  const order: SdkOrder = { ...settings, namesrv: server.namesrv, scenario, run }
  const program = join(projectDir, 'dist/bench/sdk/sdk-load.js')
  const { stdout } = await execute(process.execPath, [...nodeArgv, program, JSON.stringify(order)], {
    timeout: (settings.warmS + settings.windowS) * 1000 + EXTRA_MS_MAX,
    killSignal: 'SIGKILL',
    signal: interrupted,
  })
  const record = parseRecord(stdout.trim())
  if (!isSdkResult(record)) throw new Error(`${scenario} wrote something else`)
  return record
}

/** The same load through the official Java client. @throws Error when it gave no figures */
export async function runJava({ scenario, run, server, settings }: SdkRun): Promise<SdkResult> {
  const record = await runScenario(scenario, run, server, settings)
  if (record.record === 'failure') throw new Error(`${scenario}: ${record.reason}`)
  const { messagesPerS, clientCpuUsPerMessage: cpuUsPerMessage, errors, firstError, problems } = record
  return {
    ...({ record: 'sdk', scenario, client: 'java', run, messagesPerS, cpuUsPerMessage } as const),
    problems: errors > 0 ? [...problems, `${errors} errors, the first ${firstError ?? '?'}`] : problems,
  }
}
