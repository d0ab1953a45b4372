import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../free-ports.ts'

export type FlushMode = 'async' | 'sync'

export interface CrashServerOptions {
  /** Of the store. */
  readonly dir: string
  readonly flush: FlushMode
  /** Further settings, as the command line has them. */
  readonly flags?: readonly string[]
}

const MAIN = fileURLToPath(new URL('../../program/main.js', import.meta.url))
const START_MS_MAX = 30_000

/** `ternmq start` as its own process, on ports that stay the same through its lives. */
export class CrashServer {
  readonly namesrv: string
  readonly #argv: readonly string[]
  readonly #brokerPort: number
  #child: ChildProcess | undefined
  #output = ''

  private constructor(
    { dir, flush, flags = [] }: CrashServerOptions,
    ports: { namesrv: number; broker: number },
  ) {
    this.namesrv = `127.0.0.1:${ports.namesrv}`
    this.#brokerPort = ports.broker
    this.#argv = [
      ...[MAIN, 'start', '--store-path-root-dir', dir, '--log-level', 'warn', '--http-port', '0'],
      ...['--namesrv-port', String(ports.namesrv), '--listen-port', String(ports.broker)],
      ...['--flush-disk-type', flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH'],
      // small files, so that they roll
      ...[
        '--mapped-file-size-commit-log',
        String(4 * 1024 * 1024),
        '--mapped-file-size-consume-queue',
        '20000',
      ],
      ...['--max-hash-slot-num', '5000', '--max-index-num', '20000', ...flags],
    ]
  }

  static async of(options: CrashServerOptions): Promise<CrashServer> {
    return new CrashServer(options, await freePorts())
  }

  get brokerAddress(): string {
    return `127.0.0.1:${this.#brokerPort}`
  }

  /** Starts it and waits until both ports accept. @throws Error with what it printed when it ends instead */
  async start(): Promise<void> {
    const child = this.#spawn()
    const deadlineMs = performance.now() + START_MS_MAX
    const ports = [Number(this.namesrv.split(':')[1]), this.#brokerPort]
    while (!(await accepts(ports[0] ?? 0)) || !(await accepts(ports[1] ?? 0))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server ended: ${this.#output}`)
      if (performance.now() > deadlineMs) throw new Error(`the server is not up: ${this.#output}`)
      await pause(5)
    }
  }

  /** Starts it and kills it after a while, whether it is up by then or still looks at what the last death has left. */
  async startAndKill(afterMs: number): Promise<void> {
    this.#spawn()
    await pause(afterMs)
    await this.end('SIGKILL')
  }

  /** Errors that it has logged in this life. */
  get errors(): string[] {
    return this.#output.split('\n').filter((line) => line.includes('"level":50'))
  }

  /** What it has said last, for whoever looks for the reason of a failure. */
  get output(): string {
    return this.#output
  }

  /** Ends it with a signal. @returns its exit code, null when the signal ended it */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return child?.exitCode ?? null
    return new Promise((resolve) => {
      child.once('exit', (code) => resolve(code))
      child.kill(signal)
    })
  }

  #spawn(): ChildProcess {
    this.#output = ''
    const child = spawn(process.execPath, this.#argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-20_000)
      })
    }
    this.#child = child
    return child
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
