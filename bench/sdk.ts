// How many messages does `ternmq/client` send and consume in a second of its CPU time, beside the official Java client?
//
// One TernMQ broker; each load goes through one client and right after it through the other, each in a fresh process, in an order that
// changes from run to run. 512 sends in flight over one connection, bodies of 100 bytes and 1 KiB; then a push consumer with
// default settings that drains a backlog. 4 loads x 2 clients x 3 runs x (4 s warm-up + 5 s window, or prefill and drain) is about
// 6 minutes. Goal: no fewer messages a CPU second than the Java client.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { buildLoadDriver } from './load/load-driver.ts'
import { describeMachine, isMachine, machineLine } from './measure/machine.ts'
import { newResultFile } from './measure/paths.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { heapOf } from './peer/rocketmq.ts'
import { plansOf } from './peer/server-plans.ts'
import { runProgram } from './peer/server-processes.ts'
import { runJava, runSdk } from './sdk/sdk-driver.ts'
import { isSdkResult, sdkLine, sdkReport } from './sdk/sdk-result.ts'

const help = `npm run bench:sdk -- [options]
  --loads a,b            of send-async-100, send-async, consume-backlog-128, consume-backlog-1k (default all)
  --clients sdk,java     one of them alone gives no ratios
  --runs 3               all loads again, the other client first
  --secs 5 --warm 4      window and warm-up of a send load, seconds
  --backlog 300000       messages of a drained window
  --server ternmq        or rocketmq
  --cpu-prof             has V8 write a profile of each SDK process to bench/out/
  --store-dir DIR        disk of the broker (default: the folder for temporary files)
  --write FILE           puts the report between <!-- bench:sdk --> and <!-- /bench:sdk -->
  --from FILE            reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    loads: { type: 'string', default: 'send-async-100,send-async,consume-backlog-128,consume-backlog-1k' },
    clients: { type: 'string', default: 'sdk,java' },
    runs: { type: 'string', default: '3' },
    secs: { type: 'string', default: '5' },
    warm: { type: 'string', default: '4' },
    backlog: { type: 'string', default: '300000' },
    server: { type: 'string', default: 'ternmq' },
    'cpu-prof': { type: 'boolean', default: false },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
    from: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
})

const settings = {
  windowS: Number(options.secs),
  warmS: Number(options.warm),
  backlog: Number(options.backlog),
  topics: 1,
}

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'sdk')
  const files = options.from ?? [await measure()]
  target.write(sdkReport(readRecords(files, isMachine), readRecords(files, isSdkResult)))
}

async function measure(): Promise<string> {
  const clients = options.clients.split(',').map((name) => (name === 'java' ? runJava : runSdk))
  if (clients.includes(runJava)) buildLoadDriver()
  const file = newResultFile('sdk')
  const machine = describeMachine(`npm run bench:sdk -- ${process.argv.slice(2).join(' ')}`)
  appendRecord(file, machine)
  say(machineLine(machine))
  const [plan] = await plansOf({
    ...{ servers: options.server, storeParent: options['store-dir'], flushDiskType: 'ASYNC_FLUSH' },
    ...{ heap: heapOf('normal'), ternmqCommand: undefined },
  })
  if (!plan) throw new RangeError('no server')
  const server = await MeasuredServer.start(plan)
  const nodeArgv = options['cpu-prof'] ? ['--cpu-prof', '--cpu-prof-dir=bench/out'] : []
  for (let run = 1; run <= Number(options.runs); run++) {
    const order = run % 2 === 0 ? clients.toReversed() : clients
    for (const scenario of options.loads.split(',')) {
      for (const client of order) {
        const result = await client({ scenario, run, server, settings, nodeArgv })
        appendRecord(file, result)
        say(sdkLine(result))
      }
    }
  }
  await server.stop()
  return file
}
