import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { benchDir } from '../measure/paths.ts'
import { interrupted } from '../peer/interruption.ts'

/** Loads that the generator knows; gen.c says what each one sends. */
export type GeneratorKind = 'json' | 'bin' | 'batch32' | 'pulljson' | 'echo'

/** Options of the generator, spelled as it spells them. */
export interface GeneratorOptions {
  readonly port: number
  readonly kind: GeneratorKind
  readonly topic?: string
  /** Sends go round so many topics, `topic` with a number behind. */
  readonly topics?: number
  readonly queues?: number
  readonly connections?: number
  readonly window?: number
  /** Bytes of a message's body. */
  readonly body?: number
  /** Seconds of load before the window. */
  readonly warm?: number
  readonly seconds?: number
  /** Stops after that many requests; then there is no warm-up. */
  readonly count?: number
  readonly 'pull-max'?: number
  /** Connections beside that never send anything. */
  readonly idle?: number
  /** Groups whose pulls take turns, each committing where it is. */
  readonly groups?: number
  /** Requests a second at most. */
  readonly rate?: number
  /** Processes of the server, comma separated. */
  readonly pids?: string
}

/** What the generator measured. */
export interface GeneratorResult {
  readonly messages: number
  readonly messagesPerS: number
  readonly serverCpuUsPerMessage: number
  readonly serverCpuPercent: number
  readonly generatorCpuUsPerMessage: number
  readonly latencyP50Us: number
  readonly latencyP99Us: number
  /** Answers with another code than 0. */
  readonly refused: number
}

const program = join(benchDir, 'gen/bin/gen')

/** Compiles gen.c (cc) unless that is done. */
export function buildGenerator(): void {
  const sources = ['gen.c', 'options.h', 'request.h'].map((name) => join(benchDir, 'gen', name))
  const changedMs = Math.max(...sources.map((source) => statSync(source).mtimeMs))
  if (existsSync(program) && statSync(program).mtimeMs > changedMs) return
  mkdirSync(join(benchDir, 'gen/bin'), { recursive: true })
  const argv = ['-O2', '-Wall', '-Wextra', '-o', program, join(benchDir, 'gen/gen.c')]
  execFileSync('cc', argv, { stdio: ['ignore', 2, 2] })
}

/** @throws Error when the generator fails or the server refused all it sent */
export async function generate(options: GeneratorOptions): Promise<GeneratorResult> {
  const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const { stdout, stderr } = await promisify(execFile)(program, argv, {
    timeout: 600_000,
    signal: interrupted,
  })
  const parsed: unknown = JSON.parse(stdout)
  if (!isGeneratorResult(parsed)) throw new TypeError(`the generator said ${stdout}`)
  if (parsed.messages === 0) throw new Error(`${options.kind}: nothing was served; ${stderr}`)
  return parsed
}

function isGeneratorResult(value: unknown): value is GeneratorResult {
  return typeof value === 'object' && value !== null && 'generator' in value && 'refused' in value
}
