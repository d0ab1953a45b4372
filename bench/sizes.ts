// What does a message cost as bodies grow, and with more queues and topics, more connections, more consumer groups?
//
// The C generator drives a fresh broker for each of five dimensions; each point changes one thing and leaves the rest as it is
// (bench/sizes/dimensions.ts). 28 points x 5 s and the echo server's 8 is 3 minutes. A cliff would show as a bar out of
// line with its neighbours.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { isMachine } from './measure/machine.ts'
import { memoryMiB } from './measure/process-stats.ts'
import { appendRecord, readRecords } from './measure/records.ts'
import { ReportTarget, say } from './measure/report.ts'
import { beginResults } from './measure/result-file.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqPlan } from './peer/ternmq.ts'
import { type Echo, startEcho } from './raw/echo.ts'
import { buildGenerator, generate } from './raw/generator.ts'
import { type Dimension, dimensions, type Point, PRELOAD } from './sizes/dimensions.ts'
import { isSizeResult, type SizeResult, sizesReport } from './sizes/size-result.ts'

const help = `npm run bench:sizes -- [options]
  --only a,b           of bodies, queues, topics, connections and groups (default all)
  --secs 3             window of a load, seconds
  --store-dir DIR      disk to use (default: the folder for temporary files)
  --write FILE         puts the report between <!-- bench:sizes --> and <!-- /bench:sizes -->
  --from FILE          reports earlier results (may be repeated); measures nothing
`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: dimensions.map(({ name }) => name).join(',') },
    secs: { type: 'string', default: '3' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
    from: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) process.stdout.write(help)
else await runProgram(main)

async function main(): Promise<void> {
  const target = new ReportTarget(options.write, 'sizes')
  const files = options.from ?? [await measure()]
  target.write(sizesReport(readRecords(files, isMachine), readRecords(files, isSizeResult)))
}

async function measure(): Promise<string> {
  buildGenerator()
  const file = beginResults('bench:sizes')
  const echo = await startEcho(options['store-dir'])
  for (const dimension of dimensions.filter(({ name }) => options.only.split(',').includes(name))) {
    const server = await MeasuredServer.start(
      await ternmqPlan({
        ...{ storeParent: options['store-dir'], flushDiskType: 'ASYNC_FLUSH', ternmqCommand: undefined },
      }),
    )
    if (dimension.name === 'groups')
      await generate({ ...PRELOAD, port: await server.brokerPort(), topic: topicOf(dimension) })
    for (const point of dimension.points) {
      const result = await measureOnce(dimension, point, server, echo)
      appendRecord(file, result)
      say(`${dimension.name} ${point.name}: ${result.server.serverCpuUsPerMessage.toFixed(2)} us`)
    }
    await server.stop()
  }
  await echo.processes.stop()
  return file
}

/** Queues are made by number, so that they get a topic for each; groups pull what was sent before. */
function topicOf({ name }: Dimension, point?: Point): string {
  return name === 'groups' || !point ? 'sizes_groups' : `sizes_${name}_${point.name.replace(/\W+/g, '_')}`
}

async function measureOnce(
  dimension: Dimension,
  point: Point,
  measured: MeasuredServer,
  { processes, command }: Echo,
): Promise<SizeResult> {
  const load = { ...{ body: 100, queues: 4, connections: 4, window: 64, warm: 1.5 }, ...point.load }
  const seconds = Number(options.secs)
  const echo =
    dimension.hasEcho &&
    (await generate({
      ...{ ...load, kind: 'echo', seconds, port: command.port, pids: processes.pids().join(',') },
    }))
  const server = await generate({
    ...{ kind: 'json', ...load, seconds, topic: topicOf(dimension, point) },
    ...{ port: await measured.brokerPort(), pids: measured.brokerPids().join(',') },
  })
  return {
    ...{ record: 'size', dimension: dimension.name, point: point.name, bodyBytes: load.body, server },
    ...(echo && { echoCpuUs: echo.serverCpuUsPerMessage }),
    rssMiB: memoryMiB(measured.brokerPids(), 'VmRSS'),
  }
}
