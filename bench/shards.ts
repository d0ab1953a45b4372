// How much more do two shards carry than one, when the load is nearly free?
//
// A C generator for each shard, 4 connections x 64 outstanding sends of 100 bytes. On a machine of two cores the generators take
// their part: their CPU is stated, and beside the rates stands what the brokers' CPU time alone would allow on two cores.
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine, machineLine } from './measure/machine.ts'
import { ReportTarget, table } from './measure/report.ts'
import { MeasuredServer } from './peer/measured-server.ts'
import { runProgram } from './peer/server-processes.ts'
import { ternmqPlan } from './peer/ternmq.ts'
import { buildGenerator, type GeneratorResult, generate } from './raw/generator.ts'

const { values: options } = parseArgs({
  options: {
    secs: { type: 'string', default: '6' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
  },
})

await runProgram(async () => {
  const target = new ReportTarget(options.write, 'shards')
  buildGenerator()
  const machine = machineLine(describeMachine(`npm run bench:shards -- ${process.argv.slice(2).join(' ')}`))
  const servers: MeasuredServer[] = []
  const rows: string[][] = []
  try {
    // a shard is a broker with a process and a store of its own: two of them are two servers
    for (let i = 0; i < 2; i++) {
      const plan = {
        storeParent: options['store-dir'],
        flushDiskType: 'ASYNC_FLUSH',
        ternmqCommand: undefined,
      } as const
      servers.push(await MeasuredServer.start(await ternmqPlan(plan)))
    }
    for (const count of [1, 2]) {
      const loads = servers.slice(0, count).map(async (server) => {
        const load = { port: await server.brokerPort(), topic: `shards_${count}`, queues: 4, body: 100 }
        return generate({
          ...{ ...load, kind: 'bin', seconds: Number(options.secs), warm: 2 },
          pids: server.brokerPids().join(','),
        })
      })
      rows.push(rowOf(count, await Promise.all(loads)))
    }
  } finally {
    for (const server of servers) await server.stop()
  }
  const [one = [], two = []] = rows
  const gain = (Number(two[1]) / Number(one[1])).toFixed(2)
  const head = ['shards', 'msgs/s', 'brokers CPU us/msg', 'generators CPU us/msg', 'cores in use']
  target.write(`${machine}\n\n${table(head, rows)}\n\nTwo shards carry ${gain} times what one carries.`)
})

function rowOf(count: number, results: readonly GeneratorResult[]): string[] {
  const rate = results.reduce((sum, { messagesPerS }) => sum + messagesPerS, 0)
  const weighted = (us: (result: GeneratorResult) => number): number =>
    results.reduce((sum, result) => sum + us(result) * result.messagesPerS, 0) / rate
  const broker = weighted(({ serverCpuUsPerMessage }) => serverCpuUsPerMessage)
  const generator = weighted(({ generatorCpuUsPerMessage }) => generatorCpuUsPerMessage)
  const cores = ((broker + generator) * rate) / 1e6
  return [String(count), String(rate), broker.toFixed(2), generator.toFixed(2), cores.toFixed(2)]
}
