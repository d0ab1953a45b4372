// What does a message cost as messages grow, as topics get more queues, and as more clients connect?
//
// The C generator drives one broker; each row changes one thing and leaves the rest at 100 bytes, 4 queues, 4 connections with
// 64 sends outstanding on each (fewer on each as connections grow, 256 in all). 14 points x 5 s. A cliff would show as
// a row out of line with its neighbours.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine, machineLine } from './measure/machine.ts'
import { ReportTarget, say, table } from './measure/report.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqPlan } from './peer/ternmq.ts'
import { buildGenerator, generate } from './raw/generator.ts'

const { values: options } = parseArgs({
  options: {
    secs: { type: 'string', default: '3' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
  },
})

const OUTSTANDING = 256
const BAR_US = 2

/** What is changed, and to what. */
const points: readonly (readonly [string, { body?: number; queues?: number; connections?: number }])[] = [
  ...[100, 1024, 10_240, 102_400, 1_048_576].map((body) => [`body of ${body} bytes`, { body }] as const),
  ...[1, 4, 64, 1024].map((queues) => [`${queues} queues`, { queues }] as const),
  ...[1, 4, 16, 64, 256].map((connections) => [`${connections} connections`, { connections }] as const),
]

await runProgram(async () => {
  const target = new ReportTarget(options.write, 'sizes')
  buildGenerator()
  const machine = machineLine(describeMachine(`npm run bench:sizes -- ${process.argv.slice(2).join(' ')}`))
  const server = await MeasuredServer.start(
    await ternmqPlan({
      storeParent: options['store-dir'],
      flushDiskType: 'ASYNC_FLUSH',
      ternmqCommand: undefined,
    }),
  )
  const rows: string[][] = []
  try {
    const port = await server.brokerPort()
    for (const [index, [name, changed]] of points.entries()) {
      const connections = changed.connections ?? 4
      const body = changed.body ?? 100
      // large messages: fewer outstanding, so that they are not all of the memory
      const window = Math.max(1, Math.min(Math.floor(OUTSTANDING / connections), Math.floor(8e6 / body)))
      const load = { port, body, queues: changed.queues ?? 4, connections, window, topic: `sizes_${index}` }
      const result = await generate({
        ...{ ...load, kind: 'json', seconds: Number(options.secs), warm: 1.5 },
        pids: server.brokerPids().join(','),
      })
      const us = result.serverCpuUsPerMessage
      say(`${name}: ${us.toFixed(2)} us`)
      rows.push([
        name,
        us.toFixed(2),
        String(result.messagesPerS),
        String(Math.round(result.serverCpuPercent)),
        bar(us),
      ])
    }
  } finally {
    await server.stop()
  }
  target.write(`${machine}\n\n${table(['load', 'CPU us/msg', 'msgs/s', 'server CPU %', 'CPU'], rows)}`)
})

function bar(us: number): string {
  return '#'.repeat(Math.min(60, Math.max(1, Math.round(us / BAR_US))))
}
