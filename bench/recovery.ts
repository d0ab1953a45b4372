// How long until a broker with a long log serves again, after kill -9 under load and after a clean stop?
//
// Batches of 32 messages of 1 KiB fill a log of 10 GiB. Then the broker is killed in the middle of more of them, started and
// asked to store a message; then stopped and started. The log lies on the real disk and is deleted at the end. About
// 2 minutes a run, most of them to write the log.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { memoryMiB } from './measure/process-stats.ts'
import { pause } from './peer/interruption.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { answer } from './peer/question.ts'
import { serverOptions } from './peer/server-choice.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'
import { buildGenerator, generate } from './raw/generator.ts'
import { isRecoveryResult, type RecoveryResult, recoveryReport } from './recovery/recovery-result.ts'

const help = `npm run bench:recovery -- [options]
  --gib 10                length of the log
  --body 1024             bytes of a message's body
  --runs 3                fresh stores
  --cold                  drops the page cache before each start (root)
  --quick                 one run with 1 GiB
  --servers ternmq        and rocketmq, comma separated
  --heap normal           of RocketMQ: normal, stock or small
  --ternmq-command '...'  as in npm run bench
  --store-dir DIR         disk to use (default: the folder for temporary files)
  --write FILE            puts the report between <!-- bench:recovery --> and <!-- /bench:recovery -->
  --from FILE             reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    gib: { type: 'string' },
    body: { type: 'string', default: '1024' },
    runs: { type: 'string' },
    cold: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string', default: 'ternmq' },
    ...serverOptions,
  },
})

const BATCH = 32
const QUEUES = 4
const TOPIC = 'bench_recovery'

/** Bytes of a record beside its body and topic: the fixed part and what the broker adds to its properties. */
const RECORD_BYTES = 150

/** How long the load that the kill meets has gone on. */
const LOAD_S = 2

const gib = Number(options.gib ?? (options.quick ? 1 : 10))
const body = Number(options.body)
const runs = Number(options.runs ?? (options.quick ? 1 : 3))

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  if (!options.from) buildGenerator()
  await answer({
    ...{
      name: 'recovery',
      options,
      runs,
      measure: measureOnce,
      isResult: isRecoveryResult,
      report: recoveryReport,
    },
    told: ({ logFiles, killed, clean }) =>
      `${logFiles} log files: after kill -9 ${killed.firstStoredMs} ms, after a clean stop ${clean.firstStoredMs} ms`,
  })
}

async function measureOnce(run: number, plan: ServerPlan): Promise<RecoveryResult> {
  const first = await MeasuredServer.start(plan)
  const port = await first.brokerPort()
  const load = { kind: 'batch32', port, topic: TOPIC, queues: QUEUES, body } as const
  const count = Math.ceil((gib * 2 ** 30) / ((body + RECORD_BYTES) * BATCH))
  const beganMs = performance.now()
  await generate({ ...load, count })
  const fillingS = (performance.now() - beganMs) / 1000
  // the kill meets a broker at work; the generator then fails, as it should
  const killed = generate({ ...load, warm: 0, seconds: LOAD_S * 5 }).catch(() => undefined)
  await pause(LOAD_S * 1000)
  await first.end('SIGKILL')
  await killed

  dropCaches()
  const second = await MeasuredServer.start(plan)
  const rssMiB = memoryMiB(second.brokerPids(), 'VmRSS')
  const stopMs = await second.end('SIGTERM')
  dropCaches()
  const third = await MeasuredServer.start(plan)
  const logFiles = countLogFiles(plan)
  await third.stop()
  return {
    record: 'recovery',
    ...{ label: first.label, about: plan.about, run, gib, body, logFiles, isCold: options.cold },
    ...{ fillingS, killed: second.times, clean: third.times, stopMs, rssMiB },
  }
}

/** Files of the CommitLog, wherever the server keeps its store. */
function countLogFiles(plan: ServerPlan): number {
  const dir = join(plan.processes.dir, 'store', 'commitlog')
  return existsSync(dir) ? readdirSync(dir).length : Number.NaN
}

function dropCaches(): void {
  if (options.cold) writeFileSync('/proc/sys/vm/drop_caches', '3')
}
