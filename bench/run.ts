// How much CPU and time does a message cost through the official Java client, TernMQ beside the real RocketMQ?
//
// A run starts both servers on fresh stores, warms both, and lets every scenario measure one and then the other, in
// an order that changes from run to run. The one that is not measured is stopped meanwhile. 8 scenarios x 2 servers x 3 runs x (4 s warm-up + 8 s window + JVM) is about
// 17 minutes. bench/README.md has the scenarios and how far to trust the figures.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { buildLoadDriver, type LoadSettings, runScenario } from './load/load-driver.ts'
import { loadLine, loadReport } from './load/load-report.ts'
import { isLoadRecord, type LoadRecord } from './load/load-result.ts'
import { defaultScenarios, flushDiskTypeOf, scenarioNames } from './load/scenarios.ts'
import { describeMachine, isMachine, machineLine } from './measure/machine.ts'
import { newResultFile } from './measure/paths.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { pause } from './peer/interruption.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { heapOf } from './peer/rocketmq.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { plansOf } from './peer/server-plans.ts'
import { runProgram } from './peer/server-processes.ts'

const help = `npm run bench -- [options]
  --scenarios a,b        names of bench/README.md, or all (default ${defaultScenarios.join(',')})
  --runs 3               fresh servers each time
  --secs 8 --warm 4      window and warm-up of a scenario, seconds
  --prewarm 20           load on a fresh server before its first scenario, seconds
  --quick                one run of 3 s windows: to see that it works, not to measure
  --servers a,b          of ternmq and rocketmq (default both)
  --heap normal          of RocketMQ: normal, stock or small
  --ternmq-command '...' another way to start TernMQ, with {namesrvPort} {listenPort} {httpPort} {storeDir} {flushDiskType}
  --store-dir DIR        disk to measure (default: the folder for temporary files)
  --backlog 500000       messages of a backlog window
  --topics 1000          topics of many-topics
  --write FILE           puts the report between <!-- bench:load --> and <!-- /bench:load -->
  --from FILE            reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    scenarios: { type: 'string', default: defaultScenarios.join(',') },
    runs: { type: 'string' },
    secs: { type: 'string' },
    warm: { type: 'string' },
    prewarm: { type: 'string' },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string', default: 'ternmq,rocketmq' },
    heap: { type: 'string', default: 'normal' },
    'ternmq-command': { type: 'string' },
    'store-dir': { type: 'string', default: tmpdir() },
    backlog: { type: 'string' },
    topics: { type: 'string', default: '1000' },
    write: { type: 'string' },
    from: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
})

/** For timers of the server that was stopped, which are all due at once. */
const THAW_MS = 1000

const settings: LoadSettings & { readonly runs: number; readonly prewarmS: number } = {
  runs: Number(options.runs ?? (options.quick ? 1 : 3)),
  windowS: Number(options.secs ?? (options.quick ? 3 : 8)),
  warmS: Number(options.warm ?? (options.quick ? 1 : 4)),
  prewarmS: Number(options.prewarm ?? (options.quick ? 3 : 20)),
  backlog: Number(options.backlog ?? (options.quick ? 50_000 : 500_000)),
  topics: Number(options.topics),
}

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'load')
  target.write(report(options.from ?? [await measure()]))
}

function report(files: readonly string[]): string {
  return loadReport(readRecords(files, isMachine), readRecords(files, isLoadRecord))
}

/** Measures everything that was asked for; the file of results is whole after each scenario. */
async function measure(): Promise<string> {
  const scenarios = scenarioNames(options.scenarios)
  buildLoadDriver()
  const file = newResultFile('load')
  const machine = describeMachine(`npm run bench -- ${process.argv.slice(2).join(' ')}`)
  appendRecord(file, machine)
  say(`${machineLine(machine)}\nresults go to ${file}`)
  const common = {
    servers: options.servers,
    storeParent: options['store-dir'],
    heap: heapOf(options.heap),
    ternmqCommand: options['ternmq-command'],
  }
  for (let run = 1; run <= settings.runs; run++) {
    for (const flushDiskType of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
      const wanted = scenarios.filter((scenario) => flushDiskTypeOf(scenario) === flushDiskType)
      if (wanted.length > 0) await measureOnce(run, wanted, await plansOf({ ...common, flushDiskType }), file)
    }
  }
  return file
}

/** One run: fresh servers, warmed, every scenario on each of them in turn. */
async function measureOnce(
  run: number,
  scenarios: readonly string[],
  wanted: readonly ServerPlan[],
  file: string,
): Promise<void> {
  const servers: MeasuredServer[] = []
  for (const plan of wanted) {
    const server = await MeasuredServer.start(plan)
    say(`run ${run}: ${plan.about}: first stored message after ${server.times.firstStoredMs} ms`)
    servers.push(server)
  }
  if (run % 2 === 0) servers.reverse()
  for (const scenario of ['prewarm', ...scenarios]) {
    for (const server of servers) record(file, await measureAlone(scenario, run, server, servers))
  }
  for (const server of servers) await server.stop()
}

/** One scenario on one server, while the others are stopped. */
async function measureAlone(
  scenario: string,
  run: number,
  server: MeasuredServer,
  servers: readonly MeasuredServer[],
): Promise<LoadRecord> {
  const others = servers.filter((other) => other !== server)
  for (const { plan } of others) plan.processes.freeze()
  const prewarm = { ...settings, warmS: settings.prewarmS, windowS: 2 }
  const result = await runScenario(scenario, run, server, scenario === 'prewarm' ? prewarm : settings)
  for (const { plan } of others) plan.processes.thaw()
  if (others.length > 0) await pause(THAW_MS)
  return result
}

function record(file: string, result: LoadRecord): void {
  appendRecord(file, result)
  say(loadLine(result))
}
