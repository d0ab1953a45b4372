import { join } from 'node:path'
import { projectDir } from '../measure/paths.ts'
import { freePorts } from './ports.ts'
import type { PlanOptions, ServerPlan } from './server-plan.ts'
import { ServerProcesses } from './server-processes.ts'

/**
 * The one place that knows how TernMQ is started. Another command (an older build, other flags) may take its place by
 * `--ternmq-command`, with the same words in braces.
 */
export const ternmqArgv: readonly string[] = [
  ...[process.execPath, join(projectDir, 'dist/program/main.js'), 'start'],
  ...['--namesrv-port', '{namesrvPort}', '--listen-port', '{listenPort}', '--http-port', '{httpPort}'],
  ...['--store-path-root-dir', '{storeDir}', '--flush-disk-type', '{flushDiskType}'],
]

/** TernMQ: name server and broker in one process. */
export async function ternmqPlan(
  options: PlanOptions & { readonly ternmqCommand: string | undefined },
): Promise<ServerPlan> {
  const ports = await freePorts()
  const processes = new ServerProcesses(options.storeParent, 'ternmq')
  const words: Readonly<Record<string, string | number>> = {
    ...ports,
    storeDir: join(processes.dir, 'store'),
    flushDiskType: options.flushDiskType,
  }
  const template = options.ternmqCommand?.split(' ') ?? ternmqArgv
  const argv = template.map((part) => part.replace(/\{(\w+)\}/g, (_, word) => String(words[word])))
  return {
    label: 'ternmq',
    about: `${options.ternmqCommand ?? 'node dist/program/main.js start'}, ${options.flushDiskType}`,
    processes,
    namesrvPort: ports.namesrvPort,
    httpPort: ports.httpPort,
    commands: [{ name: 'ternmq', argv, port: ports.namesrvPort }],
  }
}
