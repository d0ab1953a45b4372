import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts, type Ports } from '../free-ports.ts'
import type { Cleanup } from './cleanup.ts'

/** The built server. */
const MAIN = join(dirname(fileURLToPath(import.meta.url)), '../../program/main.js')

/** How long a start may take. */
const START_MS_MAX = 60_000

export interface BrokerProcessOptions {
  /** Folder of the store. */
  readonly dir: string
  readonly settings?: Readonly<Record<string, string>>
  /** Where it listened before; free ones unless given. */
  readonly ports?: Ports
  /** Gets what it prints. */
  readonly logPath: string
}

/** A line of the broker's log. */
export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [name: string]: unknown
}

/** The built server with NameServer and broker, in a process of its own. */
export class BrokerProcess {
  readonly ports: Ports
  /** From the start of the process until it said that it is ready. */
  startMs = 0
  /** Set once it has ended. */
  exit: { readonly code: number | null; readonly signal: string | null } | undefined
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #logPath: string

  private constructor(child: ChildProcess, ports: Ports, logPath: string) {
    this.#child = child
    this.ports = ports
    this.#logPath = logPath
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exit = { code, signal }
        resolve()
      })
    })
  }

  /**
   * Starts it and waits until it is ready.
   * @throws Error when it ends instead, or takes too long
   */
  static async start(cleanup: Cleanup, options: BrokerProcessOptions): Promise<BrokerProcess> {
    const { dir, settings = {}, logPath } = options
    const ports = options.ports ?? (await freePorts())
    const flags = {
      storePathRootDir: dir,
      namesrvPort: ports.namesrv,
      listenPort: ports.broker,
      httpPort: ports.http,
    }
    const given = Object.entries({ ...flags, ...settings }).flatMap(([name, value]) => [
      flagOf(name),
      String(value),
    ])
    const log = openSync(logPath, 'w')
    const child = spawn(process.execPath, [MAIN, 'start', ...given], { stdio: ['ignore', log, log] })
    closeSync(log)
    const broker = new BrokerProcess(child, ports, logPath)
    const isGone = cleanup.add(() => broker.kill())
    void broker.#exited.then(isGone)
    await broker.#untilReady()
    return broker
  }

  /** `host:port` of the NameServer. */
  get namesrv(): string {
    return `127.0.0.1:${this.ports.namesrv}`
  }

  get isAlive(): boolean {
    return this.exit === undefined
  }

  /** What it has logged. */
  log(): LogLine[] {
    return this.#output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }

  /** Kills it with SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /**
   * Stops it with SIGTERM.
   * @returns how long it took, in milliseconds
   * @throws Error when it ends otherwise than by its own will
   */
  async stop(): Promise<number> {
    const beganMs = performance.now()
    this.#child.kill('SIGTERM')
    await this.#exited
    if (this.exit?.code !== 0)
      throw new Error(`the stop ended with ${JSON.stringify(this.exit)}: ${this.#lastLines()}`)
    return Math.round(performance.now() - beganMs)
  }

  /** `/readyz` as its status and its reason. */
  async readiness(): Promise<{ status: number; reason: string }> {
    const response = await fetch(`http://127.0.0.1:${this.ports.http}/readyz`)
    const body = (await response.json()) as { reason?: string }
    return { status: response.status, reason: body.reason ?? '' }
  }

  async #untilReady(): Promise<void> {
    const beganMs = performance.now()
    while (!this.#output().includes('"msg":"ready"')) {
      if (this.exit)
        throw new Error(`the broker ended with ${JSON.stringify(this.exit)}: ${this.#lastLines()}`)
      if (performance.now() - beganMs > START_MS_MAX) {
        await this.kill()
        throw new Error(`the broker was not ready within ${START_MS_MAX} ms: ${this.#lastLines()}`)
      }
      await pause(10)
    }
    const ready = this.log().find(({ msg }) => msg === 'ready')
    this.startMs = Number(ready?.startMs)
  }

  /** All that it has printed. */
  #output(): string {
    return readFileSync(this.#logPath, 'utf8')
  }

  #lastLines(): string {
    const output = this.#output()
    const plain = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
    return (plain.length > 0 ? plain.join('\n') : output).slice(-2000).trim()
  }
}

function flagOf(name: string): string {
  return `--${name.replace(/([A-Z])/g, (letter) => `-${letter.toLowerCase()}`)}`
}
