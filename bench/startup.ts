// How long from exec of the built program to its first stored message, and what does it cost to leave it idle?
//
// A process that already runs spawns the server on an empty store and polls every 3 ms with raw requests: route, then
// one send to a topic that the send creates. RocketMQ's broker is started when its name server's port accepts, as a
// user's script would. 30 s later memory is read; idle CPU is that of the last 10 s. 2 servers x 3 runs: 4 minutes.
import { parseArgs } from 'node:util'
import { isMachine } from './measure/machine.ts'
import { cpuS, memoryMiB } from './measure/process-stats.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { beginResults } from './measure/result-file.ts'
import { pause } from './peer/interruption.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { chosenPlans, serverOptions } from './peer/server-choice.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'
import { isStartupResult, type StartupResult, startupReport } from './startup/startup-result.ts'

const help = `npm run bench:startup -- [options]
  --runs 3               starts of each server, in turn
  --idle 30              seconds from the first stored message to the reading of the memory
  --quick                one run, 3 s idle
  --servers a,b          of ternmq and rocketmq (default both)
  --heap normal          of RocketMQ: normal, stock or small
  --ternmq-command '...' as in npm run bench
  --store-dir DIR        disk to use (default: the folder for temporary files)
  --write FILE           puts the report between <!-- bench:startup --> and <!-- /bench:startup -->
  --from FILE            reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    idle: { type: 'string' },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string', default: 'ternmq,rocketmq' },
    ...serverOptions,
  },
})

const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const idleS = Number(options.idle ?? (options.quick ? 3 : 30))
const idleCpuS = Math.min(10, idleS)

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'startup')
  const files = options.from ?? [await measure()]
  target.write(startupReport(readRecords(files, isMachine), readRecords(files, isStartupResult)))
}

async function measure(): Promise<string> {
  const file = beginResults('bench:startup')
  for (let run = 1; run <= runs; run++) {
    for (const plan of await chosenPlans(options)) {
      const result = await measureOnce(run, plan)
      appendRecord(file, result)
      say(
        `run ${run} ${result.label.padEnd(9)} first stored message ${result.firstStoredMs} ms, ${result.rssMiB.toFixed(0)} MiB idle`,
      )
    }
  }
  return file
}

async function measureOnce(run: number, plan: ServerPlan): Promise<StartupResult> {
  const server = await MeasuredServer.start(plan)
  await pause((idleS - idleCpuS) * 1000)
  const pids = server.allPids()
  const cpuBeforeS = cpuS(pids)
  await pause(idleCpuS * 1000)
  const result: StartupResult = {
    record: 'startup',
    label: server.label,
    about: plan.about,
    run,
    ...server.times,
    idleS,
    brokerRssMiB: memoryMiB(server.brokerPids(), 'VmRSS'),
    rssMiB: memoryMiB(pids, 'VmRSS'),
    anonMiB: memoryMiB(pids, 'RssAnon'),
    idleCpuPercent: ((cpuS(pids) - cpuBeforeS) / idleCpuS) * 100,
  }
  await server.stop()
  return result
}
