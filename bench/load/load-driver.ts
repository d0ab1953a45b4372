import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchDir } from '../measure/paths.ts'
import { parseRecord } from '../measure/records.ts'
import { interrupted } from '../peer/interruption.ts'
import { mavenPackage } from '../peer/maven.ts'
import type { MeasuredServer } from '../peer/measured-server.ts'
import { isLoadRecord, type LoadRecord } from './load-result.ts'

/** How long and how much; the scenario's name says the rest. */
export interface LoadSettings {
  /** Load before the window, seconds. */
  readonly warmS: number
  /** Length of the window, seconds. */
  readonly windowS: number
  /** Messages a backlog scenario drains inside its window. */
  readonly backlog: number
  /** Topics of many-topics. */
  readonly topics: number
}

/** Prefill, drain and the waits at the end of a scenario, beyond warm-up and window. */
const EXTRA_MS_MAX = 300_000

/** Compiles the driver (Maven, JDK 17) unless that is done. */
export function buildLoadDriver(): void {
  mavenPackage('driver', 'target/driver.jar')
}

/** Runs one scenario in a fresh client JVM. Failures become records too: the other scenarios go on. */
export async function runScenario(
  scenario: string,
  run: number,
  server: MeasuredServer,
  settings: LoadSettings,
): Promise<LoadRecord> {
  const dir = mkdtempSync(join(tmpdir(), 'ternmq-bench-driver-'))
  const resultFile = join(dir, 'result.json')
  const properties: Readonly<Record<string, string | number>> = {
    'user.home': dir,
    'rocketmq.client.logRoot': dir,
    'rocketmq.client.logLevel': 'ERROR',
    'rocketmq.log.level': 'ERROR',
    'bench.namesrv': server.namesrv,
    'bench.brokerPids': server.brokerPids().join(','),
    'bench.label': server.label,
    'bench.run': run,
    'bench.warmS': settings.warmS,
    'bench.windowS': settings.windowS,
    'bench.backlog': settings.backlog,
    'bench.topics': settings.topics,
    'bench.resultFile': resultFile,
  }
  const argv = [
    ...['-Xms1g', '-Xmx1g', '-XX:+UseParallelGC'],
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ...['-cp', `${join(benchDir, 'driver/target/driver.jar')}:${join(benchDir, 'driver/target/lib/*')}`],
    ...['ternmq.bench.Main', scenario],
  ]
  const failure = (reason: string) =>
    ({ record: 'failure', scenario, label: server.label, run, reason }) satisfies LoadRecord
  try {
    server.plan.processes.check()
    const output = await runJava(argv, (settings.warmS + settings.windowS) * 1000 + EXTRA_MS_MAX)
    if (!existsSync(resultFile)) return failure(output.split('\n').slice(0, 4).join('; '))
    const record = parseRecord(readFileSync(resultFile, 'utf8'))
    if (!isLoadRecord(record)) return failure('the driver wrote something else')
    const isEmpty = record.record === 'load' && record.messages === 0
    return isEmpty ? failure(`no message in the window; ${record.firstError ?? 'no error'}`) : record
  } catch (error) {
    interrupted.throwIfAborted()
    return failure(error instanceof Error ? error.message : String(error))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** What the driver printed, errors included. */
function runJava(argv: readonly string[], limitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('java', argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: interrupted,
      killSignal: 'SIGKILL',
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(0, 10_000)
      })
    }
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve(`${signal === null ? `exit ${code}` : `killed after ${limitMs} ms`}\n${output}`)
    })
  })
}
