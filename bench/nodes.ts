// What does a message cost under newer versions of Node.js?
//
// The loads of bench:raw against the same built program under each version, one server at a time and the versions in turn; the
// programs come from npm's package `node`. 3 versions x 3 runs x 4 loads x 5 s is 4 minutes.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { isMachine } from './measure/machine.ts'
import { memoryMiB } from './measure/process-stats.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { beginResults } from './measure/result-file.ts'
import { nodeOf, versionOf } from './nodes/node-package.ts'
import { isNodesResult, type NodesResult, nodesReport } from './nodes/nodes-result.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqArgv, ternmqPlan } from './peer/ternmq.ts'
import { buildGenerator, type GeneratorResult, generate } from './raw/generator.ts'
import { loadOf, type RawKind } from './raw/raw-load.ts'

const help = `npm run bench:nodes -- [options]
  --nodes 20,24,26        major versions, of npm's package \`node\`
  --runs 3 --secs 3.5     starts of each version in turn, window of a load
  --quick                 one run of 1.5 s windows
  --store-dir DIR         disk to use (default: the folder for temporary files)
  --write FILE            puts the report between <!-- bench:nodes --> and <!-- /bench:nodes -->
  --from FILE             reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    nodes: { type: 'string', default: '20,24,26' },
    runs: { type: 'string' },
    secs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
    from: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
})

const kinds: readonly RawKind[] = ['json', 'bin', 'batch32', 'pulljson']
const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const load = { seconds: Number(options.secs ?? (options.quick ? 1.5 : 3.5)), warm: 1.5, body: 100 }

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'nodes')
  const files = options.from ?? [await measure()]
  target.write(nodesReport(readRecords(files, isMachine), readRecords(files, isNodesResult)))
}

async function measure(): Promise<string> {
  buildGenerator()
  const programs = options.nodes.split(',').map(nodeOf)
  const file = beginResults('bench:nodes')
  for (let run = 1; run <= runs; run++) {
    for (const program of programs) {
      const result = await measureOnce(program, run)
      appendRecord(file, result)
      say(
        `run ${run} ${result.version.padEnd(9)} ${result.loads.json?.serverCpuUsPerMessage.toFixed(2)} us a send`,
      )
    }
  }
  return file
}

async function measureOnce(program: string, run: number): Promise<NodesResult> {
  const [, ...argv] = ternmqArgv
  const plan = await ternmqPlan({
    ...{ storeParent: options['store-dir'], flushDiskType: 'ASYNC_FLUSH' },
    ternmqCommand: [program, ...argv].join(' '),
  })
  const server = await MeasuredServer.start(plan)
  const pids = server.brokerPids()
  const loads: Record<string, GeneratorResult> = {}
  for (const kind of kinds) {
    const topic = await loadOf(kind, await server.brokerPort(), { ...load, preload: 100_000 })
    loads[kind] = await generate({ ...load, ...topic, pids: pids.join(',') })
  }
  const result: NodesResult = {
    ...{ record: 'nodes', version: versionOf(program), run, loads },
    ...{ firstStoredMs: server.times.firstStoredMs, startCpuS: server.times.cpuS },
    rssMiB: memoryMiB(pids, 'VmRSS'),
  }
  await server.stop()
  return result
}
