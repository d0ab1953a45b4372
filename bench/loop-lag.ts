// How late is the broker's event loop under full load, and how long does the garbage collector stop it?
//
// The C generator keeps 256 sends of 100 bytes outstanding, then 1 KiB, then pulls; the broker's own metrics page tells how late
// its loop was in each window (a timer every 5 ms, read by the page). 3 loads x 10 s. Goal: p99.9 below 20 ms. The
// generator takes the other core: on a busy machine the lag is the scheduler's, not the broker's.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine, machineLine } from './measure/machine.ts'
import { ReportTarget, say, table } from './measure/report.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqPlan } from './peer/ternmq.ts'
import { buildGenerator, type GeneratorOptions, generate } from './raw/generator.ts'

const { values: options } = parseArgs({
  options: {
    secs: { type: 'string', default: '10' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
  },
})

const seconds = Number(options.secs)
let gcBefore = 0

await runProgram(async () => {
  const target = new ReportTarget(options.write, 'loop')
  buildGenerator()
  const machine = machineLine(describeMachine(`npm run bench:loop -- ${process.argv.slice(2).join(' ')}`))
  const plan = await ternmqPlan({
    ...{ storeParent: options['store-dir'], flushDiskType: 'ASYNC_FLUSH', ternmqCommand: undefined },
  })
  const server = await MeasuredServer.start(plan)
  const rows: string[][] = []
  try {
    const common = { port: await server.brokerPort(), queues: 4, seconds, warm: 2 }
    const loads: readonly (readonly [string, GeneratorOptions])[] = [
      ['sends of 100 B', { ...common, kind: 'json', topic: 'loop_small', body: 100 }],
      ['sends of 1 KiB', { ...common, kind: 'json', topic: 'loop_large', body: 1024 }],
      [
        'pulls of 32 x 100 B',
        { ...common, kind: 'pulljson', topic: 'loop_small', window: 8, 'pull-max': 10_000 },
      ],
    ]
    for (const [name, load] of loads) {
      await figures(plan.httpPort)
      const { messagesPerS, serverCpuPercent } = await generate({
        ...load,
        pids: server.brokerPids().join(','),
      })
      const { lag, gcCount, gcMaxMs } = await figures(plan.httpPort)
      rows.push([
        name,
        String(messagesPerS),
        String(Math.round(serverCpuPercent)),
        ...lag,
        String(gcCount),
        gcMaxMs,
      ])
      say(`${name}: p99.9 ${lag[2]} ms`)
    }
  } finally {
    await server.stop()
  }
  const head = [
    'load',
    'msgs/s',
    'server CPU %',
    'lag p50 ms',
    'p99 ms',
    'p99.9 ms',
    'max ms',
    'GC pauses',
    'longest ms',
  ]
  target.write(`${machine}\n\n${table(head, rows)}`)
})

interface Figures {
  /** p50, p99, p99.9 and maximum, in ms. */
  readonly lag: readonly string[]
  /** Pauses since the reading before. */
  readonly gcCount: number
  readonly gcMaxMs: string
}

async function figures(httpPort: number | undefined): Promise<Figures> {
  const page = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
  const value = (name: string, label = ''): number => {
    const line = page.split('\n').find((each) => each.startsWith(name) && each.includes(label))
    return Number(line?.split(' ').at(-1) ?? Number.NaN)
  }
  const gcAll = value('ternmq_gc_pauses_total')
  const gcCount = gcAll - gcBefore
  gcBefore = gcAll
  const lag = ['0.5', '0.99', '0.999', '1'].map((quantile) =>
    (value('ternmq_event_loop_lag_seconds', `quantile="${quantile}"`) * 1000).toFixed(2),
  )
  return { lag, gcCount, gcMaxMs: (value('ternmq_gc_pause_max_seconds') * 1000).toFixed(2) }
}
