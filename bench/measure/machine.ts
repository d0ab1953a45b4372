import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { projectDir } from './paths.ts'
import type { Recorded } from './records.ts'

/** What a reader must know of the machine and the programs to judge a figure. */
export interface Machine extends Recorded {
  readonly record: 'machine'
  readonly at: string
  readonly cores: number
  readonly cpu: string
  readonly memoryGiB: number
  readonly kernel: string
  /** Load average of the last minute when the run began. */
  readonly load: number
  readonly node: string
  readonly java: string
  readonly ternmq: string
  /** The command line as given, without the interpreter. */
  readonly command: string
}

export function isMachine(record: Recorded): record is Machine {
  return record.record === 'machine'
}

/** Describes this machine now. */
export function describeMachine(command: string): Machine {
  return {
    record: 'machine',
    at: new Date().toISOString(),
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: loadavg()[0] ?? Number.NaN,
    node: process.version,
    java: firstLine('java', ['-version']) ?? 'no java',
    ternmq: ternmqVersion(),
    command,
  }
}

/** One line for people. */
export function machineLine(machine: Machine): string {
  const { at, cores, cpu, memoryGiB, kernel, load, node, java, ternmq } = machine
  return (
    `${at.slice(0, 16).replace('T', ' ')} UTC, ${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}, ` +
    `load ${load.toFixed(2)} at the start, Node ${node}, ${java}, TernMQ ${ternmq}`
  )
}

function ternmqVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'))
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : '?'
  const commit = firstLine('git', ['-C', projectDir, 'describe', '--always', '--dirty'])
  return commit === undefined ? version : `${version} (${commit})`
}

/** The first line a program prints, undefined if it cannot be run. */
function firstLine(program: string, argv: readonly string[]): string | undefined {
  try {
    const output = execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', program, ...argv], { encoding: 'utf8' })
    return output.split('\n')[0]?.trim()
  } catch {
    return undefined // not installed, or not a git checkout: the record says so
  }
}
