// What does a confirmed 1 KiB publish cost on TernMQ, RocketMQ, NATS JetStream, Kafka and RabbitMQ, one after the other?
//
// One raw connection with 512 unconfirmed messages, the same loader for all but Kafka, whose own ProducerPerformance
// batches (so its latency is queueing in its client and compares with nothing here). A server alone on the machine at
// a time: start, 12 s idle, warm-up, window. 4 servers x 3 runs x about 40 s is 8 minutes.
import { parseArgs } from 'node:util'
import { type Alternative, alternativeOf, alternatives } from './alternatives/alternative.ts'
import {
  type AlternativeResult,
  alternativesReport,
  isAlternativeResult,
} from './alternatives/alternative-result.ts'
import { publishLoad } from './alternatives/publish-load.ts'
import { type Publisher, publishOne } from './alternatives/publisher.ts'
import { toolLoad } from './alternatives/tool-load.ts'
import { isMachine } from './measure/machine.ts'
import { cpuS, memoryMiB } from './measure/process-stats.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { beginResults } from './measure/result-file.ts'
import { pause } from './peer/interruption.ts'
import { heapOf } from './peer/rocketmq.ts'
import { serverOptions } from './peer/server-choice.ts'
import type { FlushDiskType } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'

const help = `npm run bench:alternatives -- [options]
  --servers a,b          of ternmq, rocketmq, nats, kafka and rabbitmq (default all; RabbitMQ where Debian's package is installed)
  --runs 3               starts of each server, in turn
  --secs 8 --warm 4      window and warm-up, seconds; RocketMQ's JVM is warmed for 25 s
  --quick                one run of 3 s windows: to see that it works, not to measure
  --size 1024            bytes of a message
  --window 512           unconfirmed messages
  --sync                 the disk confirms too: SYNC_FLUSH, sync_interval always, a flush per batch
  --heap normal          of RocketMQ: normal, stock or small
  --ternmq-command '...' as in npm run bench
  --store-dir DIR        disk to measure (default: the folder for temporary files)
  --write FILE           puts the report between <!-- bench:alternatives --> and <!-- /bench:alternatives -->
  --from FILE            reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: alternatives.join(',') },
    runs: { type: 'string' },
    secs: { type: 'string' },
    warm: { type: 'string' },
    quick: { type: 'boolean', default: false },
    size: { type: 'string', default: '1024' },
    window: { type: 'string', default: '512' },
    sync: { type: 'boolean', default: false },
    ...serverOptions,
  },
})

const JVM_WARM_S = 25
const IDLE_CPU_S = options.quick ? 1 : 10
const START_MS_MAX = 120_000
const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const windowS = Number(options.secs ?? (options.quick ? 3 : 8))
const warmS = Number(options.warm ?? (options.quick ? 1 : 4))
const sizeBytes = Number(options.size)

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'alternatives')
  const files = options.from ?? [await measure()]
  target.write(alternativesReport(readRecords(files, isMachine), readRecords(files, isAlternativeResult)))
}

async function measure(): Promise<string> {
  const file = beginResults('bench:alternatives')
  const flushDiskType: FlushDiskType = options.sync ? 'SYNC_FLUSH' : 'ASYNC_FLUSH'
  for (let run = 1; run <= runs; run++) {
    for (const name of options.servers.split(',')) {
      const alternative = await alternativeOf(name, {
        servers: name,
        storeParent: options['store-dir'],
        flushDiskType,
        heap: heapOf(options.heap),
        ternmqCommand: options['ternmq-command'],
      })
      const result = await measureOnce(run, alternative)
      appendRecord(file, result)
      say(
        `run ${run} ${name.padEnd(9)} first confirm ${result.firstConfirmMs} ms, ` +
          `${result.messagesPerS.toFixed(0)} msgs/s, ${result.cpuUsPerMessage.toFixed(2)} us/msg`,
      )
    }
  }
  return file
}

async function measureOnce(run: number, alternative: Alternative): Promise<AlternativeResult> {
  const { processes, label, about, isJvm, loadTool } = alternative
  const body = Buffer.from(Array.from({ length: sizeBytes }, (_, i) => 97 + ((i * 7) % 26)))
  const startMs = performance.now()
  const publisher = await start(alternative, body)
  const firstConfirmMs = Math.round(performance.now() - startMs)
  const pids = () => processes.pids()
  await pause(IDLE_CPU_S * 200) // what the start left to do
  const cpuBeforeS = cpuS(pids())
  await pause(IDLE_CPU_S * 1000)
  const idleCpuPercent = ((cpuS(pids()) - cpuBeforeS) / IDLE_CPU_S) * 100
  const idleRssMiB = memoryMiB(pids(), 'VmRSS')
  const longWarmS = isJvm && !options.quick ? JVM_WARM_S : warmS
  const messages = options.quick ? 100_000 : 1_000_000
  const figures = loadTool
    ? await toolLoad({ argvFor: (n) => loadTool(n, sizeBytes), warmMessages: messages / 2, messages, pids })
    : await publishLoad(publisher, { window: Number(options.window), warmS: longWarmS, windowS, pids })
  const memory = { rssAfterMiB: memoryMiB(pids(), 'VmRSS'), anonAfterMiB: memoryMiB(pids(), 'RssAnon') }
  publisher.close()
  await processes.stop()
  const idle = { idleRssMiB, idleCpuPercent }
  return {
    record: 'alternative',
    label,
    about,
    run,
    sizeBytes,
    firstConfirmMs,
    ...idle,
    ...figures,
    ...memory,
  }
}

/** Starts the processes and tries every 3 ms until a first message is confirmed. */
async function start({ processes, commands, open, label }: Alternative, body: Buffer): Promise<Publisher> {
  for (const [i, command] of commands.entries()) {
    processes.start(command)
    if (i < commands.length - 1) await processes.awaitPort(command, START_MS_MAX)
  }
  let lastFailure: unknown
  for (const deadlineMs = performance.now() + START_MS_MAX; performance.now() < deadlineMs; await pause(3)) {
    processes.check()
    let publisher: Publisher | undefined
    try {
      publisher = await open(body)
      await publishOne(publisher)
      return publisher
    } catch (error) {
      lastFailure = error // expected while the server comes up
      publisher?.close()
    }
  }
  throw new Error(`${label} confirms nothing`, { cause: lastFailure })
}
