// Where does the CPU time of a send and of a pull go?
//
// The broker runs in this process as for `bench:gate`, without a kernel; V8's sampling profiler watches one load after the other.
// Self time is summed by what the code is for; `--flames` draws flame graphs. The raw profiles go to bench/out/, for speedscope or the
// Performance panel of a browser. What the kernel adds (reads, writes, the log's file) is then measured on a broker in a process of
// its own, under the generator of bench:raw: time in the kernel and calls of read and write.
import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BrokerLoad } from './gate/broker-load.ts'
import { describeMachine, machineLine } from './measure/machine.ts'
import { newResultFile } from './measure/paths.ts'
import { ReportTarget, table } from './measure/report.ts'
import { runProgram } from './peer/server-processes.ts'
import { flameOf, flameSvg, isProfiler, type Profile } from './profile/flame-graph.ts'
import { kernelShares } from './profile/kernel-share.ts'

const ROUNDS_WARM = 20
const ROUNDS = 60
const SAMPLE_US = 100

const { values: options } = parseArgs({
  options: {
    flames: { type: 'string' },
    secs: { type: 'string', default: '3' },
    'store-dir': { type: 'string', default: tmpdir() },
    write: { type: 'string' },
  },
})

/** What the code in a file is for; the first that fits counts. */
const stages: readonly (readonly [string, RegExp])[] = [
  [
    'header: scanned',
    /protocol\/(header-scan|header-layout|json-scan|json-unescape|frame|binary-code)|send-fields|remoting-command/,
  ],
  ['properties: checked, completed', /stored-properties|property-scan/],
  [
    'checks: topic, size, features',
    /broker\/(message-sender|broker|topic-table|delay|diversion|transaction|timer|message-retry|dedup)|gateways\/rocketmq\/send\.js/,
  ],
  ['record: encoded, CRC', /record-draft|crc32|commit-log|big-endian|tail-memory|message-draft/],
  [
    'queues, keys, index',
    /consume-queue|queue-tail|index-|java-hash|pending-appends|append-pipeline|message-store|tags-code/,
  ],
  [
    'messages: found, copied',
    /message-reader|log-reader|slice-list|block-cache|message-puller|pull|consumer-offsets|arrivals/,
  ],
  ['answer: written', /send-answers|reply-header|ascii|output|pull-replies|batch-answer/],
  ['bytes copied, looked at by words', /byte-view/],
  ['connection and dispatch', /remoting\//],
  ['statistics', /stats|counters|latency|traffic/],
  ['bytes moved by Node.js', /^node:(buffer|internal\/buffer)/],
  ['disk in memory, clock', /base\//],
]

const load = await BrokerLoad.start()
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })

const profiles = new Map<string, ReadonlyMap<string, number>>()
for (const [name, run] of [
  ['send, JSON header', () => load.sendJson()],
  ['send, binary header', () => load.sendBinary()],
  ['send, batches of 32', () => load.sendBatches()],
  ['pull of 32', () => load.pull()],
] as const) {
  if (name.startsWith('pull')) load.sendBinary()
  await repeat(ROUNDS_WARM, run)
  await session.post('Profiler.start')
  await repeat(ROUNDS, run)
  const { profile } = await session.post('Profiler.stop')
  writeFileSync(
    newResultFile(`profile-${name.replace(/\W+/g, '-')}`).replace('.jsonl', '.cpuprofile'),
    JSON.stringify(profile),
  )
  profiles.set(name, sharesOf(profile))
  if (options.flames !== undefined) {
    mkdirSync(options.flames, { recursive: true })
    const title = `${name}: CPU time of the broker by function, callers below`
    const file = `flame-${name.replace(/\W+/g, '-').toLowerCase()}.svg`
    writeFileSync(join(options.flames, file), flameSvg(title, flameOf(profile)))
  }
}
session.disconnect()
await load.stop()

const names = [...stages.map(([stage]) => stage), 'garbage collector', 'other']
const rows = names.map((stage) => [
  stage,
  ...[...profiles.values()].map((shares) => `${((shares.get(stage) ?? 0) * 100).toFixed(1)} %`),
])
const machine = machineLine(describeMachine(`npm run bench:profile -- ${process.argv.slice(2).join(' ')}`))
const target = new ReportTarget(options.write, 'profile')
await runProgram(async () => {
  const shares = await kernelShares(['json', 'bin', 'batch32', 'pulljson'], {
    storeParent: options['store-dir'],
    seconds: Number(options.secs),
  })
  const kernelRows = shares.map(({ kind, userUs, systemUs, reads, writes }) => [
    ...[kind, (userUs + systemUs).toFixed(2), userUs.toFixed(2), systemUs.toFixed(2)],
    ...[reads.toFixed(4), writes.toFixed(4)],
  ])
  target.write(
    [
      machine,
      table(['share of the CPU time', ...profiles.keys()], rows),
      table(['us a message', 'all', 'in user mode', 'in the kernel', 'reads', 'writes'], kernelRows),
    ].join('\n\n'),
  )
})
process.exit(0)

async function repeat(rounds: number, run: () => void): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    run()
    await turn()
  }
}

/** Shares of the busy time by stage; the load itself does not count. */
function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profile): Map<string, number> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const sums = new Map<string, number>()
  let all = 0
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    if (!frame || frame.functionName === '(idle)' || isProfiler(frame) || frame.url.includes('/bench/'))
      continue
    const us = timeDeltas[index] ?? 0
    const stage = stageOf(frame.functionName, frame.url)
    sums.set(stage, (sums.get(stage) ?? 0) + us)
    all += us
  }
  return new Map([...sums].map(([stage, us]) => [stage, us / all]))
}

function stageOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collector'
  const path = url.replace(/^.*\/dist\//, '')
  return stages.find(([, files]) => files.test(path))?.[0] ?? 'other'
}
