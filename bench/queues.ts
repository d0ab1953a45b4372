// What do very many queues cost a broker: to start with, to stop with, and at rest?
//
// Half of 10,000 topics of 5 queues are made by admin requests, and each queue gets one message of 100 bytes; then the other
// half. Each time the server gets the time to write its checkpoint, is stopped, started and left alone: what the second
// half adds to its memory is an idle queue's share. (The first half adds what any load would: V8 lets its young generation
// grow.) Then each queue gets a message and the server is killed and started. About 6 minutes a run.
import { parseArgs } from 'node:util'
import { cpuS, memoryMiB } from './measure/process-stats.ts'
import { pause } from './peer/interruption.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { answer } from './peer/question.ts'
import { Remoting } from './peer/remoting.ts'
import { serverOptions } from './peer/server-choice.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'
import { isQueuesResult, type QueuesResult, queuesReport } from './queues/queues-result.ts'

const help = `npm run bench:queues -- [options]
  --topics 10000 --queues 5   queues of each topic
  --runs 3                    fresh stores
  --rest 15                   seconds before memory is read
  --settle 90                 seconds for the checkpoint that new queues want: a slow disk needs more
  --quick                     one run with 500 topics, 3 s of rest, 15 s for the checkpoint
  --servers ternmq            and rocketmq, comma separated
  --heap normal               of RocketMQ: normal, stock or small
  --ternmq-command '...'      as in npm run bench
  --store-dir DIR             disk to use (default: the folder for temporary files)
  --write FILE                puts the report between <!-- bench:queues --> and <!-- /bench:queues -->
  --from FILE                 reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    topics: { type: 'string' },
    queues: { type: 'string', default: '5' },
    runs: { type: 'string' },
    rest: { type: 'string' },
    settle: { type: 'string' },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string', default: 'ternmq' },
    ...serverOptions,
  },
})

/** Requests under way at once. */
const WINDOW = 64
const BODY = Buffer.alloc(100, 'a')

const topics = Number(options.topics ?? (options.quick ? 500 : 10_000))
const queues = Number(options.queues)
const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const settleS = Number(options.settle ?? (options.quick ? 15 : 90))
const restS = Number(options.rest ?? (options.quick ? 3 : 15))

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  await answer({
    ...{
      name: 'queues',
      options,
      runs,
      measure: measureOnce,
      isResult: isQueuesResult,
      report: queuesReport,
    },
    told: ({ cleanStartMs, killedStartMs, bytesPerQueue }) =>
      `clean start ${cleanStartMs} ms, after kill ${killedStartMs} ms, ${bytesPerQueue} bytes a queue`,
  })
}

async function measureOnce(run: number, plan: ServerPlan): Promise<QueuesResult> {
  const first = await MeasuredServer.start(plan)
  await pause(restS * 1000)
  const emptyMiB = memoryMiB(first.brokerPids(), 'VmRSS')
  await fill(first, { from: 0, end: topics / 2 })
  await first.end('SIGTERM')

  const second = await MeasuredServer.start(plan)
  await pause(restS * 1000)
  const halfMiB = memoryMiB(second.brokerPids(), 'VmRSS')
  await fill(second, { from: topics / 2, end: topics })
  const filledMiB = memoryMiB(second.brokerPids(), 'VmRSS')
  const cleanStopMs = await second.end('SIGTERM')

  const third = await MeasuredServer.start(plan)
  await pause(restS * 1000)
  const idleMiB = memoryMiB(third.brokerPids(), 'VmRSS')
  const cpuBeforeS = cpuS(third.brokerPids())
  await pause(5000)
  const idleCpuPercent = ((cpuS(third.brokerPids()) - cpuBeforeS) / 5) * 100
  await each(third, { from: 0, end: topics }, sendToAll)
  await third.end('SIGKILL')

  const fourth = await MeasuredServer.start(plan)
  await check(fourth)
  await fourth.stop()
  return {
    record: 'queues',
    ...{ label: first.label, about: plan.about, run, topics, queues: topics * queues },
    ...{ emptyStartMs: first.times.firstStoredMs, cleanStopMs },
    ...{ cleanStartMs: third.times.firstStoredMs, cleanStartCpuS: third.times.cpuS },
    ...{ killedStartMs: fourth.times.firstStoredMs, killedStartCpuS: fourth.times.cpuS },
    ...{ emptyMiB, filledMiB, idleMiB, idleCpuPercent },
    bytesPerQueue: Math.round(((idleMiB - halfMiB) * 2 ** 20) / ((topics * queues) / 2)),
  }
}

/** Topics by their numbers. */
interface Range {
  readonly from: number
  readonly end: number
}

/** Makes topics, sends a message to each of their queues, and lets the server write its checkpoint. */
async function fill(server: MeasuredServer, range: Range): Promise<void> {
  await each(server, range, (broker, topic) => broker.createTopic(topic, queues))
  await each(server, range, sendToAll)
  await pause(settleS * 1000)
}

/** Does something with every topic of a range, several at once over one connection. */
async function each(
  server: MeasuredServer,
  { from, end }: Range,
  act: (broker: Remoting, topic: string) => Promise<void>,
): Promise<void> {
  const broker = await Remoting.open(await server.brokerPort())
  try {
    let next = from
    const worker = async (): Promise<void> => {
      while (next < end) await act(broker, `bench_queues_${next++}`)
    }
    await Promise.all(Array.from({ length: WINDOW }, worker))
  } finally {
    broker.close()
  }
}

async function sendToAll(broker: Remoting, topic: string): Promise<void> {
  for (let queueId = 0; queueId < queues; queueId++) {
    const { code, remark } = await broker.send(topic, BODY, queueId)
    if (code !== 0) throw new Error(`${topic} ${queueId}: ${code} ${remark}`)
  }
}

/** What was measured must be right: both messages are in every queue that is looked at. */
async function check(server: MeasuredServer): Promise<void> {
  await each(server, { from: 0, end: topics }, async (broker, topic) => {
    const end = await broker.maxOffset(topic, queues - 1)
    if (end !== 2) throw new Error(`${topic} ${queues - 1} holds ${end} messages, not 2`)
  })
}
