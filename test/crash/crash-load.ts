import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type LoadLine, readLine } from './load-report.ts'

const LOAD = fileURLToPath(new URL('./load.js', import.meta.url))
const ANSWER_MS_MAX = 30_000

/** The process that sends and consumes (`load.ts`), as the crash test sees it. */
export class CrashLoad {
  /** Hears of each line. */
  onLine: (line: LoadLine) => void = () => undefined
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  #waiting: { kind: LoadLine['kind']; resolve: () => void; reject: (error: Error) => void } | undefined
  #failure: Error | undefined

  private constructor(namesrv: string) {
    this.#child = spawn(process.execPath, [LOAD, namesrv], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      const line = readLine(text)
      this.onLine(line)
      if (this.#waiting?.kind === line.kind) this.#waiting.resolve()
    })
    this.#child.once('exit', (code, signal) => {
      this.#failure = new Error(`the load ended: ${signal ?? code}`)
      this.#waiting?.reject(this.#failure)
    })
  }

  static async start(namesrv: string): Promise<CrashLoad> {
    const load = new CrashLoad(namesrv)
    await load.#wait('ready')
    return load
  }

  /** Begins a round of load. Done when the first message is acknowledged. */
  async go(topics: readonly string[]): Promise<void> {
    const acknowledged = this.#wait('ack')
    this.#child.stdin.write(`go ${topics.join(' ')}\n`)
    await acknowledged
  }

  /** Ends the round. Done when everything of it has been heard. */
  async stop(): Promise<void> {
    const ended = this.#wait('end')
    this.#child.stdin.write('stop\n')
    await ended
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await exited
    clearTimeout(kill)
  }

  #wait(kind: LoadLine['kind']): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the load says no "${kind}"`)), ANSWER_MS_MAX)
      const end = (act: () => void) => () => {
        clearTimeout(timer)
        this.#waiting = undefined
        act()
      }
      this.#waiting = { kind, resolve: end(resolve), reject: (error) => end(() => reject(error))() }
    })
  }
}
