// How much CPU does one message cost the server when the load itself is nearly free?
//
// A C program pipelines requests over 4 connections with 64 outstanding each (pulls: 8), 100-byte bodies, 4 queues, and
// reads the server's CPU time. Before every load an echo server gets the same frames, so the ratio between the two
// hardly depends on the machine. With one request outstanding (json1), or one a millisecond (paced), there is nothing to gather: there the echo server also
// writes each frame to a file before it sends it back, which is the least that a server of Node.js can do for a stored message. 6 loads
// x 2 x 3 runs x 6.5 s is about 4 minutes.
import { parseArgs } from 'node:util'
import { isMachine } from './measure/machine.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { beginResults } from './measure/result-file.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { chosenPlans, serverOptions } from './peer/server-choice.ts'
import { runProgram } from './peer/server-processes.ts'
import { type Echo, startEcho } from './raw/echo.ts'
import { buildGenerator, generate } from './raw/generator.ts'
import { isLone, loadOf, type RawKind, shapeOf } from './raw/raw-load.ts'
import { isRawResult, type RawResult, rawReport } from './raw/raw-result.ts'

const help = `npm run bench:raw -- [options]
  --kinds json,json1,paced,bin,batch32,pulljson   loads (all of them by default)
  --runs 3                            fresh servers each time
  --secs 5 --warm 1.5                 window and warm-up of a load, seconds
  --quick                             one run of 2 s windows
  --body 100                          bytes of a message's body
  --preload 200000                    messages that pulljson goes round and round
  --servers ternmq                    and rocketmq, comma separated (its JVM wants --warm 20)
  --heap normal                       of RocketMQ: normal, stock or small
  --ternmq-command '...'              as in npm run bench
  --store-dir DIR                     disk to measure (default: the folder for temporary files)
  --write FILE                        puts the report between <!-- bench:raw --> and <!-- /bench:raw -->
  --from FILE                         reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'json,json1,paced,bin,batch32,pulljson' },
    runs: { type: 'string' },
    secs: { type: 'string' },
    warm: { type: 'string' },
    quick: { type: 'boolean', default: false },
    body: { type: 'string', default: '100' },
    preload: { type: 'string', default: '200000' },
    servers: { type: 'string', default: 'ternmq' },
    ...serverOptions,
  },
})

const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const load = {
  seconds: Number(options.secs ?? (options.quick ? 2 : 5)),
  warm: Number(options.warm ?? 1.5),
  body: Number(options.body),
  queues: 4,
}

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'raw')
  const files = options.from ?? [await measure()]
  target.write(rawReport(readRecords(files, isMachine), readRecords(files, isRawResult)))
}

async function measure(): Promise<string> {
  const kinds = options.kinds.split(',').map(kindOf)
  buildGenerator()
  const file = beginResults('bench:raw')
  for (let run = 1; run <= runs; run++) {
    const echo = await startEcho(options['store-dir'])
    const storing = await startEcho(options['store-dir'], true)
    const servers: MeasuredServer[] = []
    for (const plan of await chosenPlans(options)) {
      servers.push(await MeasuredServer.start(plan))
    }
    for (const kind of kinds) {
      const least = isLone(kind) ? storing : echo
      for (const server of servers) appendRecord(file, await measureOnce(kind, run, server, least))
    }
    for (const server of servers) await server.stop()
    await echo.processes.stop()
    await storing.processes.stop()
  }
  return file
}

function kindOf(name: string): RawKind {
  const kind = (Object.keys(shapeOf) as RawKind[]).find((known) => known === name)
  if (kind) return kind
  throw new RangeError(`kinds wants ${Object.keys(shapeOf).join(', ')}, not "${name}"`)
}

async function measureOnce(
  kind: RawKind,
  run: number,
  measured: MeasuredServer,
  { processes, command }: Echo,
): Promise<RawResult> {
  const shape = isLone(kind) ? shapeOf[kind] : {}
  const echo = await generate({
    ...{ ...load, ...shape, kind: 'echo', port: command.port, pids: processes.pids().join(',') },
  })
  const preload = Number(options.preload)
  const topic = await loadOf(kind, await measured.brokerPort(), { body: load.body, preload })
  const server = await generate({ ...load, ...topic, pids: measured.brokerPids().join(',') })
  const result: RawResult = { record: 'raw', kind, label: measured.label, run, server, echo }
  say(
    `run ${run} ${kind.padEnd(8)} ${measured.label.padEnd(9)} ${server.serverCpuUsPerMessage.toFixed(2)} us/msg, ` +
      `echo ${echo.serverCpuUsPerMessage.toFixed(2)} us, ${server.messagesPerS} msgs/s`,
  )
  return result
}
