// How late do delayed messages come at 10,000 due a second, does one come early, and what do a million pending timers cost?
//
// A raw client sends 10,000 messages of 64 bytes a second for 20 s, delayed by a second: by level 1, then by TIMER_DELAY_MS, and long polls pull
// them. Lateness counts from the send call to when the record is in the client's hands, less the second. Then it sends a million
// timers due over three days; memory is read, the server stopped and started. Goal: p99 <= 200 ms, none early, none twice. About 3 minutes.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { type DelayProperties, latenessOf, sendPending } from './delay/delayed-load.ts'
import { describeMachine, machineLine } from './measure/machine.ts'
import { memoryMiB } from './measure/process-stats.ts'
import { ReportTarget, say, table } from './measure/report.ts'
import { pause } from './peer/interruption.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { Remoting } from './peer/remoting.ts'
import type { ServerPlan } from './peer/server-plan.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqPlan } from './peer/ternmq.ts'

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '10000' },
    secs: { type: 'string', default: '20' },
    pending: { type: 'string', default: '1000000' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
  },
})

const THREE_DAYS_MS = 3 * 24 * 3_600_000

/** Seconds in which a server at rest writes what it has in memory only. */
const REST_S = 6

const loads: readonly (readonly [string, DelayProperties])[] = [
  ['level 1', () => 'DELAY\u00011\u0002'],
  ['TIMER_DELAY_MS=1000', () => 'TIMER_DELAY_MS\u00011000\u0002'],
]

await runProgram(async () => {
  const target = new ReportTarget(options.write, 'delay')
  const machine = machineLine(describeMachine(`npm run bench:delay -- ${process.argv.slice(2).join(' ')}`))
  const plan = await ternmqPlan({
    ...{ storeParent: options['store-dir'], flushDiskType: 'ASYNC_FLUSH', ternmqCommand: undefined },
  })
  const server = await MeasuredServer.start(plan)
  const lateness = await latenessTable(server)
  const pending = await pendingTable(server, plan)
  target.write(`${machine}\n\n${lateness}\n\n${pending}`)
})

async function latenessTable(server: MeasuredServer): Promise<string> {
  const port = await server.brokerPort()
  const rows: string[][] = []
  for (const [index, [name, properties]] of loads.entries()) {
    const topic = `bench_delay_${index}`
    await makeTopic(port, topic)
    const load = { topic, properties, ratePerS: Number(options.rate), seconds: Number(options.secs) }
    const { duplicates, early, max, p50, p99, p999, received, sent } = await latenessOf(port, load)
    rows.push([
      name,
      String(sent),
      String(received),
      ...[p50, p99, p999, max].map((ms) => ms.toFixed(1)),
      String(early),
      String(duplicates),
    ])
    say(`${name}: ${received} of ${sent}, p99 ${p99.toFixed(1)} ms late, ${early} early, ${duplicates} twice`)
  }
  const head = [
    'delayed by',
    'sent',
    'received',
    'late p50 ms',
    'p99 ms',
    'p99.9 ms',
    'max ms',
    'early',
    'twice',
  ]
  return table(head, rows)
}

/** Memory before and with so many timers, and the start on them. */
async function pendingTable(server: MeasuredServer, plan: ServerPlan): Promise<string> {
  const port = await server.brokerPort()
  const count = Number(options.pending)
  const topic = 'bench_delay_pending'
  await makeTopic(port, topic)
  const beforeMiB = memoryMiB(server.brokerPids(), 'VmRSS')
  const startMs = Date.now() + 3_600_000
  const properties = (sequence: number): string =>
    // a prime spreads them over the whole time, in no order
    `TIMER_DELIVER_MS\u0001${startMs + ((sequence * 104_729) % (THREE_DAYS_MS - 3_700_000))}\u0002`
  await sendPending(port, { topic, properties, count })
  await pause(REST_S * 1000)
  const withMiB = memoryMiB(server.brokerPids(), 'VmRSS')
  await server.end('SIGTERM')
  const clean = await MeasuredServer.start(plan)
  await pause(REST_S * 1000)
  const startedMiB = memoryMiB(clean.brokerPids(), 'VmRSS')
  await clean.end('SIGKILL')
  const killed = await MeasuredServer.start(plan)
  await killed.stop()
  say(`${count} pending: ${withMiB.toFixed(0)} MiB, started on them in ${clean.times.firstStoredMs} ms`)
  const head = [
    'pending timers',
    'RSS before MiB',
    'RSS with them MiB',
    'start after stop ms',
    'RSS then MiB',
    'start after kill -9 ms',
  ]
  const row = [
    count,
    beforeMiB.toFixed(0),
    withMiB.toFixed(0),
    clean.times.firstStoredMs,
    startedMiB.toFixed(0),
    killed.times.firstStoredMs,
  ]
  return table(head, [row.map(String)])
}

async function makeTopic(port: number, topic: string): Promise<void> {
  const broker = await Remoting.open(port)
  await broker.createTopic(topic, 4)
  broker.close()
}
