import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuS } from '../measure/process-stats.ts'
import { interrupted } from '../peer/interruption.ts'
import type { PublishFigures } from './publish-load.ts'

/** How much the server's own tool sends. */
export interface ToolLoadOptions {
  readonly argvFor: (messages: number) => readonly string[]
  readonly warmMessages: number
  readonly messages: number
  readonly pids: () => readonly number[]
}

/** Runs Kafka's ProducerPerformance once to warm the server and once measured; its own figures are taken. */
export async function toolLoad(options: ToolLoadOptions): Promise<PublishFigures> {
  await run(options.argvFor(options.warmMessages))
  const before = cpuS(options.pids())
  const line = await run(options.argvFor(options.messages))
  const found = /([\d.]+) records\/sec.*?(\d+) ms 50th.*?(\d+) ms 99th/.exec(line)
  if (!found) throw new Error(`the load tool said: ${line}`)
  return {
    messagesPerS: Number(found[1]),
    latencyP50Ms: Number(found[2]),
    latencyP99Ms: Number(found[3]),
    cpuUsPerMessage: ((cpuS(options.pids()) - before) / options.messages) * 1e6,
    refused: 0,
  }
}

/** The last line a program prints. */
async function run(argv: readonly string[]): Promise<string> {
  const [program = '', ...rest] = argv
  const { stdout } = await promisify(execFile)(program, rest, {
    timeout: 600_000,
    maxBuffer: 2 ** 24,
    signal: interrupted,
  })
  return stdout.trimEnd().split('\n').at(-1) ?? ''
}
