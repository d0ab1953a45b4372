// What do others notice while a consumer drains 20 million messages that the page cache no longer has?
//
// Batches of 32 messages of 100 bytes make the backlog, some 5 GB of log. Others send 10,000 messages a second to a topic of
// theirs and read them as they come: first alone, then while four connections pull the backlog, a pull outstanding on each.
// Paced, as a load that takes all it can get would only show how a core is shared. About 3 minutes a run.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  type BacklogResult,
  backlogReport,
  isBacklogResult,
  type OthersFigures,
} from './backlog/backlog-result.ts'
import { TailReader } from './backlog/tail-reader.ts'
import { memoryMiB } from './measure/process-stats.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { answer } from './peer/question.ts'
import { serverOptions } from './peer/server-choice.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'
import { buildGenerator, generate } from './raw/generator.ts'

const help = `npm run bench:backlog -- [options]
  --messages 20000000     in the backlog
  --rate 10000            messages a second that others send and read
  --secs 10               window for the load of others alone
  --runs 1                fresh stores
  --cold                  drops the page cache before it drains (root)
  --quick                 one run of 1,000,000 messages, 3 s
  --servers ternmq        and rocketmq, comma separated
  --heap normal           of RocketMQ: normal, stock or small
  --ternmq-command '...'  as in npm run bench
  --store-dir DIR         disk to use (default: the folder for temporary files)
  --write FILE            puts the report between <!-- bench:backlog --> and <!-- /bench:backlog -->
  --from FILE             reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    messages: { type: 'string' },
    rate: { type: 'string', default: '10000' },
    secs: { type: 'string' },
    runs: { type: 'string', default: '1' },
    cold: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string', default: 'ternmq' },
    ...serverOptions,
  },
})

const BATCH = 32
const QUEUES = 4
const BODY = 100
const TOPIC = 'bench_backlog'
const OTHERS = 'bench_backlog_others'
const RSS_INTERVAL_MS = 250

const batches = Math.ceil(Number(options.messages ?? (options.quick ? 1e6 : 20e6)) / BATCH / QUEUES) * QUEUES
const messages = batches * BATCH
const rate = Number(options.rate)
const seconds = Number(options.secs ?? (options.quick ? 3 : 10))

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  if (!options.from) buildGenerator()
  await answer({
    ...{
      name: 'backlog',
      options,
      runs: Number(options.runs),
      measure: measureOnce,
      isResult: isBacklogResult,
      report: backlogReport,
    },
    told: ({ drainedPerS, before, during }) =>
      `drained ${drainedPerS.toFixed(0)} msgs/s; others sent ${during.sendsPerS} ` +
      `of ${before.sendsPerS} msgs/s, read ${during.tailReadsPerS.toFixed(0)} of ${before.tailReadsPerS.toFixed(0)}`,
  })
}

async function measureOnce(run: number, plan: ServerPlan): Promise<BacklogResult> {
  const server = await MeasuredServer.start(plan)
  const port = await server.brokerPort()
  const beganMs = performance.now()
  await generate({ kind: 'batch32', port, topic: TOPIC, queues: QUEUES, body: BODY, count: batches })
  const fillingS = (performance.now() - beganMs) / 1000
  if (options.cold) writeFileSync('/proc/sys/vm/drop_caches', '3')

  const before = await others(port, seconds)
  const pids = server.brokerPids()
  const [ioBefore, rssBefore, drainBeganMs] = [readsOf(pids), memoryMiB(pids, 'VmRSS'), performance.now()]
  let rssMax = rssBefore
  const watch = setInterval(() => {
    rssMax = Math.max(rssMax, memoryMiB(pids, 'VmRSS'))
  }, RSS_INTERVAL_MS)
  let drainedMs = 0
  const pulls = { kind: 'pulljson', port, topic: TOPIC, queues: QUEUES, window: 1, count: batches } as const
  const drained = generate({ ...pulls, 'pull-max': messages / QUEUES }).then(() => {
    drainedMs = performance.now() - drainBeganMs
  })
  // as long as the drain takes, at least once
  const windows: OthersFigures[] = []
  while (drainedMs === 0) windows.push(await others(port, Math.min(seconds, 5)))
  await drained
  clearInterval(watch)
  const io = readsOf(pids)
  const result: BacklogResult = {
    ...{ record: 'backlog', label: server.label, about: plan.about, run, messages, isCold: options.cold },
    ...{ fillingS, before, during: meanOf(windows), drainedPerS: (messages / drainedMs) * 1000 },
    deviceReadShare: (io.deviceBytes - ioBefore.deviceBytes) / logBytes(messages),
    meanReadKiB: (io.bytes - ioBefore.bytes) / (io.calls - ioBefore.calls) / 1024,
    rssMiB: { before: rssBefore, max: rssMax, after: memoryMiB(pids, 'VmRSS') },
  }
  await server.stop()
  return result
}

/** The paced sends and tail reads of a window. */
async function others(port: number, windowS: number): Promise<OthersFigures> {
  await generate({ kind: 'json', port, topic: OTHERS, queues: QUEUES, body: BODY, count: QUEUES })
  const reader = await TailReader.start(port, OTHERS, QUEUES)
  const beganMs = performance.now()
  const load = { kind: 'json', port, topic: OTHERS, queues: QUEUES, body: BODY, rate } as const
  const sends = await generate({ ...load, warm: 0, seconds: windowS })
  const tailReadsPerS = (reader.count / (performance.now() - beganMs)) * 1000
  await reader.stop()
  return { sendsPerS: sends.messagesPerS, sendP99Ms: sends.latencyP99Us / 1000, tailReadsPerS }
}

function meanOf(windows: readonly OthersFigures[]): OthersFigures {
  const mean = (read: (figures: OthersFigures) => number) =>
    windows.reduce((sum, figures) => sum + read(figures), 0) / windows.length
  return {
    sendsPerS: mean(({ sendsPerS }) => sendsPerS),
    sendP99Ms: mean(({ sendP99Ms }) => sendP99Ms),
    tailReadsPerS: mean(({ tailReadsPerS }) => tailReadsPerS),
  }
}

/** Bytes of the log that hold so many messages: properties of the generator, topic and fixed part make up the record. */
function logBytes(count: number): number {
  const propertyBytes = 'UNIQ_KEY 7F00000100002A139A5C18B400000000 WAIT true TAGS TagA '.length
  return count * (91 + BODY + TOPIC.length + propertyBytes)
}

/** What the kernel has counted of the processes' reads. */
function readsOf(pids: readonly number[]) {
  const sum = { bytes: 0, calls: 0, deviceBytes: 0 }
  for (const pid of pids) {
    const io = readFileSync(`/proc/${pid}/io`, 'utf8')
    const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1] ?? 0)
    sum.bytes += value('rchar')
    sum.calls += value('syscr')
    sum.deviceBytes += value('read_bytes')
  }
  return sum
}
