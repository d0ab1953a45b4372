import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processTree, startTicks } from '../measure/process-stats.ts'
import { interrupted, interruptOnSignals, pause } from './interruption.ts'

/** One process of a measured server. */
export interface ServerCommand {
  /** Names its log file. */
  readonly name: string
  readonly argv: readonly string[]
  /** Loopback port that accepts once the process is up. */
  readonly port: number
  readonly env?: Readonly<Record<string, string>>
}

const STOP_MS_MAX = 30_000

/** The processes of one measured server and its folder, started and stopped by id. */
export class ServerProcesses {
  /** Store, configuration and logs; removed by `stop`. */
  readonly dir: string
  #children: { command: ServerCommand; child: ChildProcess }[] = []
  static readonly #running = new Set<ServerProcesses>()

  /** @param parent folder on the disk to measure */
  constructor(parent: string, label: string) {
    this.dir = mkdtempSync(join(parent, `ternmq-bench-${label}-`))
    ServerProcesses.#running.add(this)
  }

  /** Stops whatever still runs; for the end of the program, however it comes. */
  static async stopAll(): Promise<void> {
    await Promise.all([...ServerProcesses.#running].map((processes) => processes.stop()))
  }

  start(command: ServerCommand): void {
    const [program = '', ...argv] = command.argv
    const log = openSync(this.#logFile(command), 'a')
    const child = spawn(program, argv, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...command.env },
      detached: true, // a ^C is ours to pass on, in order
    })
    closeSync(log)
    child.on('error', () => {}) // `check` reports it: the child has no pid
    this.#children.push({ command, child })
  }

  /** The processes of one command, or of all, with those they started. */
  pids(name?: string): number[] {
    return this.#children
      .filter(({ command }) => name === undefined || command.name === name)
      .flatMap(({ child }) => (child.pid === undefined ? [] : processTree(child.pid)))
  }

  /** @throws Error with the end of its log when a process has ended */
  check(): void {
    for (const { command, child } of this.#children) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) continue
      const log = readFileSync(this.#logFile(command), 'utf8').trimEnd().split('\n').slice(-15).join('\n')
      throw new Error(
        `${command.argv[0]} (${command.name}) ended: ${child.exitCode ?? child.signalCode}\n${log}`,
      )
    }
  }

  /** Stops all of them where they are (SIGSTOP): they use nothing until `thaw`. */
  freeze(): void {
    for (const pid of this.pids()) signalIfThere(pid, 'SIGSTOP')
  }

  /** Lets all of them go on. */
  thaw(): void {
    for (const pid of this.pids()) signalIfThere(pid, 'SIGCONT')
  }

  /** Waits until the port of a command accepts, asking every few milliseconds. */
  async awaitPort(command: ServerCommand, limitMs: number): Promise<void> {
    const deadlineMs = performance.now() + limitMs
    while (!(await accepts(command.port))) {
      this.check()
      if (performance.now() > deadlineMs) throw new Error(`${command.name}: port ${command.port} is not up`)
      await pause(3)
    }
  }

  /** Ends all processes, as `end` with SIGTERM; then the folder goes. */
  async stop(): Promise<void> {
    if (!ServerProcesses.#running.delete(this)) return
    await this.end('SIGTERM')
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }

  /** A signal in reverse order of start, SIGKILL for what is still there after 30 s. The folder stays. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.thaw() // a frozen process would never hear of it
    const children = this.#children.reverse()
    this.#children = []
    for (const { child } of children) {
      if (child.pid === undefined) continue
      const tree = processTree(child.pid).map((pid) => ({ pid, startTicks: startTicks(pid) }))
      child.kill(signal)
      const deadlineMs = performance.now() + STOP_MS_MAX
      while (child.exitCode === null && child.signalCode === null && performance.now() < deadlineMs)
        await sleep(3)
      for (const { pid, startTicks: before } of tree)
        if (startTicks(pid) === before) signalIfThere(pid, 'SIGKILL')
    }
  }

  #logFile(command: ServerCommand): string {
    return join(this.dir, `${command.name}.log`)
  }
}

/** Runs a program and, whatever becomes of it (an error, ^C), stops the servers it started. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  interruptOnSignals()
  try {
    await main()
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(interrupted.aborted ? 'interrupted: stopping the servers\n' : `${text}\n`)
    process.exitCode = interrupted.aborted ? 130 : 1
  } finally {
    await ServerProcesses.stopAll()
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

function signalIfThere(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended between the look and the signal
  }
}
